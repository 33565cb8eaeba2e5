/**
 * Strongroom under a customer key against Debian's docker-registry without encryption, both over TLS, the same client,
 * side by side: `node bench/registry.ts [--quick] [--json FILE] [part]...`. Parts: compare, sealing, rotation, revocation,
 * streaming; all of them when none is named. Prints ratios and asserts nothing.
 */
import { open, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { GIB, MIB } from '../src/kernel/units.ts'
import { ClientProcess } from './registry/client-process.ts'
import { type Compared, type Pace, type Row, compare, prepare, rowsOf } from './registry/comparison.ts'
import { comparisonHeader, comparisonLine, load, machine, mib, short } from './registry/report.ts'
import { benchRevocation } from './registry/revocation.ts'
import { benchRotation } from './registry/rotation.ts'
import { benchStreaming } from './registry/streaming.ts'
import { type Subject, startDebian, startOurs } from './registry/subject.ts'

const { values, positionals } = parseArgs({
  options: { quick: { type: 'boolean', default: false }, json: { type: 'string' } },
  allowPositionals: true,
})
const isQuick = values.quick
const pace: Pace = isQuick ? { seconds: 0.8, rounds: 2 } : { seconds: 1.5, rounds: 5 }

async function compareAll(
  subjects: readonly [Subject, Subject],
  rows: readonly Row[],
  targetOf: (row: Row) => number,
) {
  using client = new ClientProcess(new URL('registry/client.ts', import.meta.url))
  for (const subject of subjects) await prepare(subject, rows)
  console.log(comparisonHeader([subjects[0].name, subjects[1].name]))
  const results: Compared[] = []
  for (const row of rows) {
    const compared = await compare(client, subjects, row, pace)
    console.log(comparisonLine(compared, targetOf(row)))
    results.push(compared)
  }
  return results
}

const parts = {
  async compare() {
    await using ours = await startOurs('strongroom')
    await using debian = await startDebian()
    const results = await compareAll([ours, debian], rowsOf(isQuick), ({ isSmall }) => (isSmall ? 2 : 1))
    console.log('* below the target: 2 on rows of small objects, 1 on the others')
    return results
  },

  async sealing() {
    await using sealed = await startOurs('sealed')
    const preload = new URL('registry/without-sealing.ts', import.meta.url)
    await using clear = await startOurs('unsealed', { NODE_OPTIONS: `--import=${preload.href}` })
    const rows = rowsOf(isQuick).filter(({ concurrency, bytes }) => concurrency === 4 && bytes < 100 * MIB)
    const results = await compareAll([sealed, clear], rows, () => 0.9)
    console.log('* sealing costs more than a tenth of the wall time')
    return results
  },

  async rotation() {
    await using ours = await startOurs('strongroom')
    const rotations = await benchRotation(ours, [10, isQuick ? 1_000 : 10_000], isQuick ? 10 : 30)
    for (const { images, medianMs, maxMs } of rotations) {
      console.log(`rotation with ${images} images: median ${short(medianMs)} ms, at most ${short(maxMs)} ms`)
    }
    return rotations
  },

  async revocation() {
    await using ours = await startOurs('strongroom')
    const revocations = await benchRevocation(ours, isQuick ? 30 : 200)
    const { times, p50Ms, p99Ms, maxMs } = revocations
    console.log(
      `disabling the key to the first 403, ${times} times: ` +
        `p50 ${short(p50Ms)} ms, p99 ${short(p99Ms)} ms, at most ${short(maxMs)} ms`,
    )
    return revocations
  },

  async streaming() {
    await using ours = await startOurs('strongroom')
    using client = new ClientProcess(new URL('registry/client.ts', import.meta.url))
    const streamed = await benchStreaming(client, ours, isQuick ? GIB / 2 : 4 * GIB)
    const { bytes, pushMs, pullMs, pushGrowthBytes, pullGrowthBytes } = streamed
    const rate = (ms: number) => `${((bytes / 1e6 / ms) * 1000).toFixed(0)} MB/s`
    console.log(
      `a layer of ${mib(bytes)}: push ${rate(pushMs)}, memory +${mib(pushGrowthBytes)}; ` +
        `pull ${rate(pullMs)}, memory +${mib(pullGrowthBytes)}`,
    )
    return streamed
  },
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

const isPart = (name: string): name is keyof typeof parts => name in parts
const wanted = positionals.length === 0 ? Object.keys(parts) : positionals
const results: Record<string, unknown> = { machine: machine(), startedAt: new Date().toISOString() }
console.log(machine())
for (const name of wanted) {
  if (!isPart(name)) throw new Error(`there is no part ${name}: ${Object.keys(parts).join(', ')}`)
  await touchMemory()
  console.log(`\n${name} (load average ${load()})`)
  results[name] = { loadBefore: load(), result: await parts[name]() }
}
console.log(`\nload average at the end ${load()}`)
if (values.json !== undefined) await writeFile(values.json, `${JSON.stringify(results, null, 2)}\n`)
