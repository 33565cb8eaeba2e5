/**
 * Blob Storage under a customer key against Azurite without encryption, both over plain HTTP on loopback, the same client,
 * side by side: `node bench/blob.ts [--quick] [--json FILE] [part]...`. Parts: full, relaxed (the two durabilities), sealing,
 * keys; all of them when none is named. Prints ratios and asserts nothing.
 */
import { benchKeys } from './blob/keys.ts'
import { type Row, rowsOf } from './blob/rows.ts'
import { prepare } from './blob/samples.ts'
import { type BlobSubject, startAzurite, startOurs } from './blob/subject.ts'
import type { Pace } from './registry/comparison.ts'
import { residentBytes } from './registry/process-usage.ts'
import { compareAll, isQuick, runParts } from './registry/program.ts'
import { mib, short } from './registry/report.ts'

const pace: Pace = isQuick ? { seconds: 0.8, rounds: 2 } : { seconds: 1.5, rounds: 3 }

async function compareBoth(
  subjects: readonly [BlobSubject, BlobSubject],
  rows: readonly Row[],
  target: number,
) {
  for (const subject of subjects) await prepare(subject, rows)
  const client = new URL('blob/client.ts', import.meta.url)
  const results = await compareAll(subjects, rows, { client, pace, targetOf: () => target })
  for (const { name, pid } of subjects) console.log(`${name}: ${mib(residentBytes(pid))} resident`)
  return results
}

const against = async (durability: 'full' | 'relaxed', target: number) => {
  await using ours = await startOurs(durability)
  await using azurite = await startAzurite()
  const results = await compareBoth([ours, azurite], rowsOf(isQuick), target)
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
    const results = await compareBoth(
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

await runParts(parts)
