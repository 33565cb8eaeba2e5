import { expect } from 'vitest'
import type { Attempt } from './crash-points.ts'

/** Something that is done wholly or not at all. */
export interface Turn {
  readonly what: string
  readonly run: () => Promise<unknown>
  /** Whether it is done. Fails when it is done by half. */
  readonly isDone: () => Promise<boolean>
}

/** One after the other; none changes what another has done. The check goes on with what is left. */
export function inTurn(turns: readonly Turn[]): Attempt {
  let [begun, acknowledged] = [0, 0]
  return {
    async run() {
      for (const turn of turns) {
        begun++
        await turn.run()
        acknowledged++
      }
    },
    async check() {
      for (const [index, { what, run, isDone }] of turns.entries()) {
        const done = await isDone()
        if (index < acknowledged) expect(done, `${what}: was acknowledged`).toBe(true)
        if (index >= begun) expect(done, `${what}: was not asked for`).toBe(false)
        if (!done) await run()
        expect(await isDone(), `${what}: again`).toBe(true)
      }
      begun = acknowledged = turns.length
    },
  }
}
