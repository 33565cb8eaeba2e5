import { newKeyVersion } from '../../test/support/estate.ts'
import { quantile } from '../registry/comparison.ts'
import { Connection } from '../registry/connection.ts'
import { CONTAINER, sender } from './client.ts'
import { putBlobs } from './samples.ts'
import { type OurBlobs, underKey } from './subject.ts'

export interface KeyChanges {
  readonly change: 'enabling' | 'rotating'
  readonly blobs: number
  /** Of the whole request of the resource manager. */
  readonly medianMs: number
  readonly maxMs: number
  /** Of a client that reads and writes throughout. */
  readonly requests: number
  readonly failed: number
  /** Its slowest tenth of a second against its median one, 0 to 1. */
  readonly dip: number
}

const WINDOW_MS = 100

/** Fills a container up to each number of blobs in turn and changes the account's key several times at each, under load. */
export async function benchKeys(
  ours: OurBlobs,
  counts: readonly number[],
  times: number,
): Promise<readonly KeyChanges[]> {
  const connection = await Connection.open(ours.address)
  await sender(connection, ours.target)('PUT', `/${CONTAINER}?restype=container`, 201)
  connection.close()
  const results: KeyChanges[] = []
  let blobs = 0
  for (const count of counts) {
    await putBlobs(ours, CONTAINER, blobs, count)
    blobs = count
    results.push({ change: 'enabling', blobs, ...(await underLoad(ours, times, () => enable(ours))) })
    results.push({ change: 'rotating', blobs, ...(await underLoad(ours, times, () => rotate(ours))) })
  }
  return results
}

/** @returns milliseconds that putting the customer's key on took; it is taken off before */
async function enable({ rest, key }: OurBlobs): Promise<number> {
  await rest.armDone('PATCH', key.accountPath, {
    properties: { encryption: { keySource: 'Microsoft.Storage' } },
  })
  const startedAt = performance.now()
  await rest.armDone('PATCH', key.accountPath, underKey(key))
  return performance.now() - startedAt
}

/** @returns milliseconds from the new version to an account that is under it */
async function rotate({ rest, vault, key }: OurBlobs): Promise<number> {
  await newKeyVersion(rest, vault, 'key1')
  const startedAt = performance.now()
  await rest.armDone('PATCH', key.accountPath, underKey(key))
  return performance.now() - startedAt
}

async function underLoad(
  ours: OurBlobs,
  times: number,
  change: () => Promise<number>,
): Promise<Omit<KeyChanges, 'change' | 'blobs'>> {
  const load = new AbortController()
  const windows = new Map<number, number>()
  const counts = { requests: 0, failed: 0 }
  const loading = loaded(ours, load.signal, (isOk) => {
    counts.requests++
    if (!isOk) counts.failed++
    const window = Math.floor(performance.now() / WINDOW_MS)
    windows.set(window, (windows.get(window) ?? 0) + 1)
  })
  const took: number[] = []
  for (let time = 0; time < times; time++) took.push(await change())
  load.abort()
  await loading
  took.sort((a, b) => a - b)
  const rates = [...windows.values()].slice(1, -1).sort((a, b) => a - b)
  const dip = (rates[0] ?? 0) / quantile(rates, 0.5)
  return { medianMs: quantile(took, 0.5), maxMs: took.at(-1) ?? NaN, ...counts, dip }
}

async function loaded(
  { address, target }: OurBlobs,
  signal: AbortSignal,
  done: (isOk: boolean) => void,
): Promise<void> {
  const connection = await Connection.open(address)
  const send = sender(connection, target)
  const headers = { 'x-ms-blob-type': 'BlockBlob' }
  while (!signal.aborted) {
    const put = await send('PUT', `/${CONTAINER}/under-load`, null, { headers, body: [Buffer.from('x')] })
    done(put.status === 201)
    const got = await send('GET', `/${CONTAINER}/under-load`, null)
    done(got.status === 200)
  }
  connection.close()
}
