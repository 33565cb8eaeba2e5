import { availableParallelism } from 'node:os'
import { mkdir, readFile, rm } from 'node:fs/promises'
import { spawn } from 'node:child_process'
import { join } from 'node:path'

/**
 * The gate, for people and CI. `node test/run.ts` runs all of it; `--quick` leaves out what needs other programs.
 * The last line adds up what really ran.
 */
interface Step {
  readonly name: string
  readonly command: readonly string[]
  /** Where vitest writes its counts; a step without one counts as a single check. */
  readonly report?: string
}

interface Outcome {
  readonly name: string
  readonly passed: number
  readonly failed: number
  readonly skipped: number
  readonly seconds: number
  readonly output: string
}

const root = join(import.meta.dirname, '..')
const reports = join(root, 'test-results')
/** Tests start hundreds of servers: what Node compiled for one serves the next, and halves its start. */
const compiled = join(root, 'node_modules/.cache/compiled')
const bin = (name: string) => [process.execPath, join(root, 'node_modules/.bin', name)]

const vitest = (project: string): Step => {
  const report = join(reports, `${project}.json`)
  return {
    name: `${project} tests`,
    command: [
      ...bin('vitest'),
      'run',
      // And those of its tests that need a process each.
      '--project',
      `${project}*`,
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${report}`,
    ],
    report,
  }
}

/** The longest first. */
const statics: readonly Step[] = [
  {
    name: 'lint',
    command: [...bin('eslint'), '--cache', '--cache-location', 'node_modules/.cache/eslint/', '.'],
  },
  { name: 'types', command: [...bin('tsc'), '-p', '.'] },
  { name: 'format', command: [...bin('prettier'), '--check', '--cache', '--log-level=warn', '.'] },
  { name: 'layers', command: [...bin('depcruise'), '--config', '.dependency-cruiser.cjs', 'src'] },
  { name: 'dead code', command: bin('knip') },
]

const isQuick = process.argv.includes('--quick')
const startedAt = performance.now()
await rm(reports, { recursive: true, force: true })
await mkdir(reports, { recursive: true })

const outcomes: Outcome[] = []
if (!isQuick)
  for (const [name, file] of [
    ['programs', 'prerequisites.ts'],
    ['peers', 'peers.ts'],
    ['azure-cli', 'azure-cli.ts'],
  ] as const)
    outcomes.push(await show({ name, command: [process.execPath, join(root, 'test/tools', file)] }))
if (outcomes.every(({ failed }) => failed === 0)) {
  outcomes.push(...(await sideBySide(statics)))
  outcomes.push(await show(vitest('unit')))
  if (!isQuick) {
    outcomes.push(await show(vitest('system')))
    outcomes.push(
      await show({
        name: 'promises',
        command: [process.execPath, join(root, 'test/promises.ts'), '--check'],
      }),
    )
  }
}

const sum = (count: (outcome: Outcome) => number) =>
  outcomes.reduce((total, outcome) => total + count(outcome), 0)
const failed = sum((outcome) => outcome.failed)
const skipped = sum((outcome) => outcome.skipped)
console.log(`\nin ${Math.round((performance.now() - startedAt) / 1000)} s`)
console.log(
  `${sum((outcome) => outcome.passed)} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ''}`,
)
process.exitCode = failed > 0 ? 1 : 0

/** As many at once as there are cores; output is kept back unless something is wrong. */
async function sideBySide(steps: readonly Step[]): Promise<readonly Outcome[]> {
  const waiting = [...steps]
  const done: Outcome[] = []
  const lanes = Array.from({ length: Math.max(1, availableParallelism()) }, async () => {
    for (let step = waiting.shift(); step !== undefined; step = waiting.shift()) {
      const outcome = await run(step, false)
      tell(outcome)
      done.push(outcome)
    }
  })
  await Promise.all(lanes)
  return done
}

async function show(step: Step): Promise<Outcome> {
  const outcome = await run(step, true)
  tell({ ...outcome, output: '' })
  return outcome
}

function tell({ name, failed: bad, seconds, output }: Outcome): void {
  console.log(`${bad === 0 ? 'ok  ' : 'FAIL'} ${name} (${seconds.toFixed(1)} s)`)
  if (bad > 0 && output !== '') console.log(output)
}

async function run(step: Step, isLive: boolean): Promise<Outcome> {
  const began = performance.now()
  const [file = '', ...args] = step.command
  const child = spawn(file, args, {
    cwd: root,
    env: { ...process.env, NODE_COMPILE_CACHE: compiled },
    stdio: ['ignore', isLive ? 'inherit' : 'pipe', isLive ? 'inherit' : 'pipe'],
  })
  let output = ''
  child.stdout?.on('data', (chunk: Buffer) => (output += chunk.toString()))
  child.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const code = await new Promise<number>((resolve) => child.once('close', (exit) => resolve(exit ?? 1)))
  const counts = step.report === undefined ? null : await readCounts(step.report)
  const seconds = (performance.now() - began) / 1000
  if (counts === null)
    return {
      name: step.name,
      passed: code === 0 ? 1 : 0,
      failed: code === 0 ? 0 : 1,
      skipped: 0,
      seconds,
      output,
    }
  // A run that ended badly without a failed test (a file that does not load, an unhandled rejection) is a failure too.
  return {
    ...counts,
    name: step.name,
    failed: code !== 0 && counts.failed === 0 ? 1 : counts.failed,
    seconds,
    output,
  }
}

async function readCounts(
  report: string,
): Promise<{ passed: number; failed: number; skipped: number } | null> {
  try {
    const { numPassedTests, numFailedTests, numPendingTests } = JSON.parse(
      await readFile(report, 'utf8'),
    ) as Record<string, number>
    return { passed: numPassedTests ?? 0, failed: numFailedTests ?? 0, skipped: numPendingTests ?? 0 }
  } catch {
    // No report: vitest did not get as far; its exit code says the rest.
    return null
  }
}
