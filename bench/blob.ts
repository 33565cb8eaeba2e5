/**
 * Blob Storage under a customer key against Azurite without encryption, both over plain HTTP on loopback, the same client,
 * side by side: `node bench/blob.ts [--quick] [--json FILE] [part]...`. Parts: full, relaxed (the two durabilities), sealing,
 * keys; all of them when none is named. Prints ratios and asserts nothing.
 */
import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { benchKeys } from './blob/keys.ts'
import { type Row, rowsOf } from './blob/rows.ts'
import { type BlobSubject, startAzurite, startOurs } from './blob/subject.ts'
import { prepare } from './blob/samples.ts'
import { ClientProcess } from './registry/client-process.ts'
import { type Compared, type Pace, compare } from './registry/comparison.ts'
import { comparisonHeader, comparisonLine, load, machine, mib, short } from './registry/report.ts'
import { residentBytes } from './registry/process-usage.ts'

const { values, positionals } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, json: { type: 'string' } },
  allowPositionals: true,
})
const isQuick = values.quick
const pace: Pace = isQuick ? { seconds: 0.8, rounds: 2 } : { seconds: 1.5, rounds: 3 }

async function compareAll(
  subjects: readonly [BlobSubject, BlobSubject],
  rows: readonly Row[],
  target: number,
): Promise<readonly Compared<Row>[]> {
  using client = new ClientProcess(new URL('blob/client.ts', import.meta.url))
  for (const subject of subjects) await prepare(subject, rows)
  console.log(comparisonHeader([subjects[0].name, subjects[1].name]))
  const results: Compared<Row>[] = []
  for (const row of rows) {
    const compared = await compare(client, subjects, row, pace)
    console.log(comparisonLine(compared, target))
    results.push(compared)
  }
  for (const { name, pid } of subjects) console.log(`${name}: ${mib(residentBytes(pid))} resident`)
  return results
}

const against = async (durability: 'full' | 'relaxed', target: number) => {
  await using ours = await startOurs(durability)
  await using azurite = await startAzurite()
  const results = await compareAll([ours, azurite], rowsOf(isQuick), target)
  console.log(`* below the target: ${target}`)
  return results
}

const parts = {
  full: () => against('full', 2),
  relaxed: () => against('relaxed', 5),

  async sealing() {
    await using sealed = await startOurs('relaxed')
    const preload = new URL('registry/without-sealing.ts', import.meta.url)
    await using clear = await startOurs('relaxed', { NODE_OPTIONS: `--import=${preload.href}` })
    const rows = rowsOf(isQuick).filter(({ concurrency }) => concurrency === 8)
    const results = await compareAll(
      [
        { ...sealed, name: 'sealed' },
        { ...clear, name: 'unsealed' },
      ],
      rows,
      0.9,
    )
    console.log('* sealing costs more than a tenth of the wall time')
    return results
  },

  async keys() {
    await using ours = await startOurs('full')
    const results = await benchKeys(ours, [10, isQuick ? 2_000 : 100_000], isQuick ? 5 : 20)
    for (const { blobs, change, medianMs, maxMs, failed, requests, dip } of results) {
      console.log(
        `${change} with ${blobs} blobs: median ${short(medianMs)} ms, at most ${short(maxMs)} ms; ` +
          `meanwhile ${requests} reads and writes, ${failed} failed, slowest 100 ms at ${short(dip * 100)} % of the median rate`,
      )
    }
    return results
  },
}

const isPart = (name: string): name is keyof typeof parts => name in parts
const wanted = positionals.length === 0 ? Object.keys(parts) : positionals
const results: Record<string, unknown> = { machine: machine(), startedAt: new Date().toISOString() }
console.log(machine())
for (const name of wanted) {
  if (!isPart(name)) throw new Error(`there is no part ${name}: ${Object.keys(parts).join(', ')}`)
  console.log(`\n${name} (load average ${load()})`)
  results[name] = { loadBefore: load(), result: await parts[name]() }
}
console.log(`\nload average at the end ${load()}`)
if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(results, null, 2)}\n`)
