import { setTimeout } from 'node:timers/promises'
import { Fault } from '../../kernel/fault.ts'
import { DAY_MS, SECOND_MS } from '../../kernel/units.ts'
import { listCopyIds } from '../../store/records/blob/copies.ts'
import { describeFailure } from './copy-failure.ts'
import { tellingDamage } from './damage.ts'
import { type RunCopyDeps, endFailed, isPassing, openJob, runCopy, tell } from './run-copy.ts'

/** Copies under way, in the background. One that a restart cut short begins anew. */
export interface CopyWork extends AsyncDisposable {
  /** To be called once its job is committed. */
  start(id: string): void
  /** Stops work on a copy that was aborted. */
  stop(id: string): void
}

export interface CopyWorkDeps extends RunCopyDeps {
  /** What nobody foresaw: the copy fails, and somebody should know why. */
  readonly bug: (error: unknown) => void
}

/** So many at a time: each seals as fast as one processor can. */
const MAX_AT_ONCE = 4
/** What Azure gives a copy. */
const MAX_COPY_MS = 14 * DAY_MS
const MAX_WAIT_MS = 60 * SECOND_MS

interface Job {
  readonly id: string
  readonly ending: AbortController
}

export function startCopyWork(deps: CopyWorkDeps): CopyWork {
  const jobs = new Map<string, Job>()
  const waiting: Job[] = []
  const running = new Set<Promise<void>>()
  const disposed = new AbortController()

  const run = async ({ id, ending }: Job) => {
    const signal = AbortSignal.any([ending.signal, disposed.signal])
    try {
      await untilEnded(deps, id, signal)
    } catch (error) {
      // Its job is still stored: the next start of the server goes on with it.
      if (!signal.aborted) deps.bug(error)
    }
    jobs.delete(id)
  }
  const startNext = () => {
    const job = running.size < MAX_AT_ONCE && !disposed.signal.aborted ? waiting.shift() : undefined
    if (job === undefined) return
    const work = run(job).finally(() => {
      running.delete(work)
      startNext()
    })
    running.add(work)
    startNext()
  }
  const start = (id: string) => {
    if (jobs.has(id)) return
    const job = { id, ending: new AbortController() }
    jobs.set(id, job)
    waiting.push(job)
    startNext()
  }
  const resumed = listCopyIds(deps.records.read).then((ids) => ids.forEach(start), deps.bug)
  return {
    start,
    stop: (id) => jobs.get(id)?.ending.abort(),
    async [Symbol.asyncDispose]() {
      disposed.abort()
      await resumed
      await Promise.allSettled(running)
    },
  }
}

/** Tries again for as long as nobody refuses it. */
async function untilEnded(deps: CopyWorkDeps, id: string, signal: AbortSignal): Promise<void> {
  const open = await openJob(deps, id)
  if (open === null) return
  for (let tries = 0; ; tries++) {
    const error = await tryOnce(() => tellingDamage(() => runCopy(deps, open, signal)))
    if (error === null || signal.aborted) return
    const isLate = deps.stamp().now > open.job.startedAt + MAX_COPY_MS
    if (isLate || !isPassing(error)) {
      if (!(error instanceof Fault)) deps.bug(error)
      await endFailed(deps, open, error)
      return
    }
    await tell(deps, open, { statusDescription: describeFailure(error) })
    await setTimeout(Math.min(MAX_WAIT_MS, 2 ** tries * SECOND_MS), undefined, { signal, ref: false })
  }
}

/** @returns what it failed with; null when it did not */
async function tryOnce(work: () => Promise<void>): Promise<unknown> {
  try {
    await work()
    return null
  } catch (error) {
    return error
  }
}
