import type { ClientProcess } from './client-process.ts'
import { pushSample } from './client.ts'
import { residentBytes, sampling } from './process-usage.ts'
import type { Subject } from './subject.ts'

export interface Streaming {
  readonly bytes: number
  readonly pushMs: number
  readonly pullMs: number
  /** By how much the server's own resident memory went beyond what it was before. */
  readonly pushGrowthBytes: number
  readonly pullGrowthBytes: number
}

const WARM_BYTES = 16 * 1024 * 1024

/** One layer, pushed and pulled on one connection. */
export async function benchStreaming(
  client: ClientProcess,
  subject: Subject,
  bytes: number,
): Promise<Streaming> {
  const { address, headers, pid } = subject
  const job = { address, headers, concurrency: 1, seconds: 0 }
  await pushSample(address, headers, WARM_BYTES)
  await client.run({ ...job, operation: 'pull', bytes: WARM_BYTES })
  const measure = async (run: () => Promise<unknown>) => {
    const before = residentBytes(pid)
    let highest = before
    using _sampler = sampling(() => (highest = Math.max(highest, residentBytes(pid))))
    const startedAt = performance.now()
    await run()
    return { tookMs: performance.now() - startedAt, growth: highest - before }
  }
  const push = await measure(() => pushSample(address, headers, bytes))
  const pull = await measure(() => client.run({ ...job, operation: 'pull', bytes }))
  return {
    bytes,
    pushMs: push.tookMs,
    pullMs: pull.tookMs,
    pushGrowthBytes: push.growth,
    pullGrowthBytes: pull.growth,
  }
}
