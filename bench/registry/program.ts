import { open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { GIB, MIB } from '../../src/kernel/units.ts'
import { ClientProcess } from './client-process.ts'
import { type AnyRow, type Compared, type Loadable, type Pace, compare } from './comparison.ts'
import { comparisonHeader, comparisonLine, load, machine } from './report.ts'

/** `[--quick] [--json FILE] [part]...` */
const { values, positionals } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, json: { type: 'string' } },
  allowPositionals: true,
})
export const isQuick = values.quick

export interface Comparison<R> {
  /** The client's program. */
  readonly client: URL
  readonly pace: Pace
  /** A ratio below it is marked. */
  readonly targetOf: (row: R) => number
}

/** Prints a line a row as they come. */
export async function compareAll<R extends AnyRow>(
  subjects: readonly [Loadable, Loadable],
  rows: readonly R[],
  { client: program, pace, targetOf }: Comparison<R>,
): Promise<readonly Compared<R>[]> {
  using client = new ClientProcess(program)
  console.log(comparisonHeader([subjects[0].name, subjects[1].name]))
  const results: Compared<R>[] = []
  for (const row of rows) {
    const compared = await compare(client, subjects, row, pace)
    console.log(comparisonLine(compared, targetOf(row)))
    results.push(compared)
  }
  return results
}

/** Runs the parts that the command line names, or all. What they give goes into the file of `--json`. */
export async function runParts(parts: Readonly<Record<string, () => Promise<unknown>>>): Promise<void> {
  const wanted = positionals.length === 0 ? Object.keys(parts) : positionals
  const results: Record<string, unknown> = { machine: machine(), startedAt: new Date().toISOString() }
  console.log(machine())
  for (const name of wanted) {
    const part = parts[name]
    if (part === undefined) throw new Error(`there is no part ${name}: ${Object.keys(parts).join(', ')}`)
    await touchMemory()
    console.log(`\n${name} (load average ${load()})`)
    results[name] = { loadBefore: load(), result: await part() }
  }
  console.log(`\nload average at the end ${load()}`)
  if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(results, null, 2)}\n`)
}

/** The host of a virtual machine gives memory at first touch, which costs ten times the use: it is touched before. */
async function touchMemory(): Promise<void> {
  const file = join(tmpdir(), `strongroom-bench-touch-${process.pid}`)
  const block = Buffer.alloc(4 * MIB, 1)
  try {
    await using handle = await open(file, 'w')
    for (let written = 0; written < (isQuick ? 1 : 4) * GIB; written += block.length)
      await handle.write(block)
  } finally {
    await rm(file, { force: true })
  }
}
