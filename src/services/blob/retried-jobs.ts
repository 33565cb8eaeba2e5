import { setTimeout } from 'node:timers/promises'

/** Work in the background, each piece known by its id. */
export interface RetriedJobs extends AsyncDisposable {
  /** Does nothing for one that was started and has not ended. */
  readonly start: (id: string) => void
  readonly stop: (id: string) => void
}

export interface JobOptions {
  readonly maxAtOnce: number
  /** Must not fail. @returns whether the job has ended; else it is run again */
  readonly run: (id: string, signal: AbortSignal) => Promise<boolean>
  /** How long a job waits that was run `tries` times. */
  readonly waitMs: (tries: number) => number
}

interface Job {
  readonly id: string
  readonly ending: AbortController
  tries: number
}

/** Runs some jobs at a time until they end. One that waits for its next try is in nobody's way. */
export function retriedJobs({ maxAtOnce, run, waitMs }: JobOptions): RetriedJobs {
  const jobs = new Map<string, Job>()
  const ready: Job[] = []
  const running = new Set<Promise<void>>()
  const disposed = new AbortController()

  const enqueue = (job: Job) => {
    ready.push(job)
    startNext()
  }
  const startNext = () => {
    const job = running.size < maxAtOnce && !disposed.signal.aborted ? ready.shift() : undefined
    if (job === undefined) return
    const work = tryOnce(job).finally(() => {
      running.delete(work)
      startNext()
    })
    running.add(work)
    startNext()
  }
  const tryOnce = async (job: Job) => {
    const signal = AbortSignal.any([job.ending.signal, disposed.signal])
    if ((await run(job.id, signal)) || signal.aborted) jobs.delete(job.id)
    else void wait(job, signal)
  }
  const wait = (job: Job, signal: AbortSignal) =>
    setTimeout(waitMs(++job.tries), undefined, { signal, ref: false }).then(
      () => enqueue(job),
      () => jobs.delete(job.id),
    )
  return {
    start(id) {
      if (jobs.has(id)) return
      const job = { id, ending: new AbortController(), tries: 0 }
      jobs.set(id, job)
      enqueue(job)
    },
    stop: (id) => jobs.get(id)?.ending.abort(),
    async [Symbol.asyncDispose]() {
      disposed.abort()
      await Promise.allSettled(running)
    },
  }
}
