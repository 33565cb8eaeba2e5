/**
 * Strongroom under a customer key against Debian's docker-registry without encryption, both over TLS, the same client,
 * side by side: `node bench/registry.ts [--quick] [--json FILE] [part]...`. Parts: compare, sealing, rotation, revocation,
 * streaming; all of them when none is named. Prints ratios and asserts nothing.
 */
import { GIB, MIB } from '../src/kernel/units.ts'
import { ClientProcess } from './registry/client-process.ts'
import { type Pace, type Row, prepare, rowsOf } from './registry/comparison.ts'
import { compareAll, isQuick, runParts } from './registry/program.ts'
import { mib, short } from './registry/report.ts'
import { benchRevocation } from './registry/revocation.ts'
import { benchRotation } from './registry/rotation.ts'
import { benchStreaming } from './registry/streaming.ts'
import { type Subject, startDebian, startOurs } from './registry/subject.ts'

const pace: Pace = isQuick ? { seconds: 0.8, rounds: 2 } : { seconds: 1.5, rounds: 5 }
const client = new URL('registry/client.ts', import.meta.url)

async function compareBoth(
  subjects: readonly [Subject, Subject],
  rows: readonly Row[],
  targetOf: (row: Row) => number,
) {
  for (const subject of subjects) await prepare(subject, rows)
  return await compareAll(subjects, rows, { client, pace, targetOf })
}

const parts = {
  async compare() {
    await using ours = await startOurs('strongroom')
    await using debian = await startDebian()
    const results = await compareBoth([ours, debian], rowsOf(isQuick), ({ isSmall }) => (isSmall ? 2 : 1))
    console.log('* below the target: 2 on rows of small objects, 1 on the others')
    return results
  },

  async sealing() {
    await using sealed = await startOurs('sealed')
    const preload = new URL('registry/without-sealing.ts', import.meta.url)
    await using clear = await startOurs('unsealed', { NODE_OPTIONS: `--import=${preload.href}` })
    const rows = rowsOf(isQuick).filter(({ concurrency, bytes }) => concurrency === 4 && bytes < 100 * MIB)
    const results = await compareBoth([sealed, clear], rows, () => 0.9)
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
    using streaming = new ClientProcess(client)
    const streamed = await benchStreaming(streaming, ours, isQuick ? GIB / 2 : 4 * GIB)
    const { bytes, pushMs, pullMs, pushGrowthBytes, pullGrowthBytes } = streamed
    const rate = (ms: number) => `${((bytes / 1e6 / ms) * 1000).toFixed(0)} MB/s`
    console.log(
      `a layer of ${mib(bytes)}: push ${rate(pushMs)}, memory +${mib(pushGrowthBytes)}; ` +
        `pull ${rate(pullMs)}, memory +${mib(pullGrowthBytes)}`,
    )
    return streamed
  },
}

await runParts(parts)
