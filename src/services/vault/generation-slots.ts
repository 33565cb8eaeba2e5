import { Outage } from '../../kernel/fault.ts'

const MAX_RUNNING = 2
const MAX_WAITING = 32

/**
 * Bounds how many keys are generated at once: each takes seconds of one of the threads that file access needs too.
 * @throws Outage when too many wait
 */
export function generationSlots(): <T>(work: () => Promise<T>) => Promise<T> {
  let running = 0
  const waiting: (() => void)[] = []
  return async (work) => {
    if (running < MAX_RUNNING) running++
    else {
      if (waiting.length >= MAX_WAITING)
        throw new Outage('too many keys are being generated', { retryAfterSeconds: 10 })
      // Who ends hands its place over, so `running` stays as it is.
      await new Promise<void>((resolve) => waiting.push(resolve))
    }
    try {
      return await work()
    } finally {
      const next = waiting.shift()
      if (next === undefined) running--
      else next()
    }
  }
}
