import { setTimeout } from 'node:timers/promises'
import { REPOSITORY, pushSample } from './client.ts'
import { quantile } from './comparison.ts'
import { Connection } from './connection.ts'
import type { Ours } from './subject.ts'

export interface Revocations {
  readonly times: number
  /** From the sending of the request that disables the key to the first 403 of the registry. */
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

const BYTES = 1024

/** Disables the key while a client reads without a pause, and enables it again, over and over. */
export async function benchRevocation(ours: Ours, times: number): Promise<Revocations> {
  const { rest, estate, address, headers } = ours
  await pushSample(address, headers, BYTES)
  const connection = await Connection.open(address)
  const read = async (): Promise<number> =>
    (
      await connection.send({
        method: 'GET',
        path: `/v2/${REPOSITORY}/manifests/size-${BYTES}`,
        headers,
      })
    ).status
  const enable = (enabled: boolean) =>
    rest.vaultDone(estate.vault, 'PATCH', `/keys/${estate.keyName}`, { attributes: { enabled } })
  const untilStatus = async (wanted: number): Promise<void> => {
    while ((await read()) !== wanted) await setTimeout(0)
  }
  const took: number[] = []
  for (let time = 0; time < times; time++) {
    await untilStatus(200)
    const startedAt = performance.now()
    const disabled = enable(false)
    await untilStatus(403)
    took.push(performance.now() - startedAt)
    await disabled
    await enable(true)
  }
  await untilStatus(200)
  connection.close()
  took.sort((a, b) => a - b)
  return { times, p50Ms: quantile(took, 0.5), p99Ms: quantile(took, 0.99), maxMs: took.at(-1) ?? NaN }
}
