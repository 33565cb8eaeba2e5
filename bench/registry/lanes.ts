import type { JobResult } from './client-process.ts'
import { type Address, Connection } from './connection.ts'

export interface LanesJob {
  readonly address: Address
  readonly concurrency: number
  /** Every connection begins its last operation before this is over, and does at least one. */
  readonly seconds: number
}

/**
 * Does one thing again and again on each of so many connections, which are opened before time is taken.
 *
 * @param laneOf what one connection does each time; `done` is how often it did it
 */
export async function runLanes(
  { address, concurrency, seconds }: LanesJob,
  laneOf: (connection: Connection, index: number) => (done: number) => Promise<void>,
): Promise<JobResult> {
  const connections = await Promise.all(Array.from({ length: concurrency }, () => Connection.open(address)))
  const latenciesMs: number[] = []
  const cpu = process.cpuUsage()
  const startedAt = performance.now()
  const lane = async (connection: Connection, index: number) => {
    const run = laneOf(connection, index)
    for (let done = 0; done === 0 || performance.now() - startedAt < seconds * 1000; done++) {
      const begun = performance.now()
      await run(done)
      latenciesMs.push(performance.now() - begun)
    }
  }
  try {
    await Promise.all(connections.map(lane))
    const wallMs = performance.now() - startedAt
    const { user, system } = process.cpuUsage(cpu)
    return { latenciesMs, wallMs, clientCpuMs: (user + system) / 1000 }
  } finally {
    for (const connection of connections) connection.close()
  }
}

/** A client process: takes jobs from its parent, one after another. */
export function takeJobs(run: (job: never) => Promise<JobResult>): void {
  process.on('message', (job) => {
    run(job as never).then(
      (result) => process.send?.({ result }),
      (error: unknown) => process.send?.({ error: String(error) }),
    )
  })
}
