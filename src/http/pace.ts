import type { IncomingMessage } from 'node:http'
import { HttpFault } from './faults.ts'

/** How slow a client may be before it is cut off. */
export interface BodyPace {
  /** Without a single byte. */
  readonly idleMs: number
  /** After this grace, the mean rate counts. */
  readonly graceMs: number
  readonly minBytesPerSecond: number
}

/** Waits for the next part of a request's body, and not for ever. */
export interface PaceWatch {
  /** Resolves when there may be more to read, or nothing more. @throws HttpFault `body-too-slow` */
  more(): Promise<void>
  stop(): void
}

/** Counts only the time that we waited for the client: a slow disk of ours is not the client's fault. */
export function watchPace(request: IncomingMessage, pace: BodyPace, received: () => number): PaceWatch {
  let waiting: PromiseWithResolvers<undefined> | null = null
  let since = 0
  let waitedMs = 0
  const wake = () => {
    if (waiting === null) return
    waitedMs += performance.now() - since
    waiting.resolve(undefined)
    waiting = null
  }
  const check = () => {
    if (waiting === null) return
    const idleMs = performance.now() - since
    const totalMs = waitedMs + idleMs
    const isSlow = totalMs > pace.graceMs && (received() * 1000) / totalMs < pace.minBytesPerSecond
    if (idleMs <= pace.idleMs && !isSlow) return
    waiting.reject(new HttpFault('body-too-slow', {}))
    waiting = null
  }
  const timer = setInterval(check, Math.min(pace.idleMs, pace.graceMs) / 4)
  timer.unref()
  const events = ['readable', 'end', 'error'] as const
  for (const event of events) request.on(event, wake)
  const stop = () => {
    clearInterval(timer)
    for (const event of events) request.off(event, wake)
  }
  request.once('close', () => {
    wake()
    stop()
  })
  return {
    async more() {
      waiting = Promise.withResolvers()
      since = performance.now()
      await waiting.promise
    },
    stop,
  }
}
