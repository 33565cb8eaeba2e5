/** Tells the tour: a line a step, what was done and what was seen, and how long it took. */
export interface Narrator {
  title(text: string): void
  /** Runs one step and prints what it says was done and seen. */
  step<T extends Step>(name: string, work: () => Promise<T>): Promise<T>
  /** The last line. */
  end(text: string): void
}

interface Step {
  /** One line. */
  readonly seen: string
}

/** What was seen is not what should be. */
export class TourError extends Error {
  override readonly name = 'TourError'
}

export function expectThat(isSo: boolean, otherwise: string): asserts isSo {
  if (!isSo) throw new TourError(otherwise)
}

const NAME_WIDTH = 9

export function narrator(out: NodeJS.WriteStream): Narrator {
  const isColoured = out.isTTY && process.env['NO_COLOR'] === undefined
  const paint = (code: number) => (text: string) => (isColoured ? `\u{1b}[${code}m${text}\u{1b}[0m` : text)
  const [bold, dim, red, green] = [paint(1), paint(2), paint(31), paint(32)]
  const line = (text: string) => out.write(`${text}\n`)
  let count = 0
  return {
    title: (text) => line(`${bold(text)}\n`),
    async step(name, work) {
      const startedAt = performance.now()
      const number = String(++count).padStart(2)
      const head = () => `${dim(`${number}  ${timeText(performance.now() - startedAt)}`)}  `
      try {
        const result = await work()
        line(`${head()}${green(name.padEnd(NAME_WIDTH))}  ${result.seen}`)
        return result
      } catch (error) {
        line(`${head()}${red(name.padEnd(NAME_WIDTH))}  ${red('not as it should be')}`)
        throw error
      }
    },
    end: (text) => line(`\n${bold(text)}`),
  }
}

/** In nine columns. */
function timeText(ms: number): string {
  return `${ms.toFixed(0)} ms`.padStart(7)
}
