import { Fault, Outage } from '../../kernel/fault.ts'
import { DAY_MS, SECOND_MS } from '../../kernel/units.ts'
import { listCopyIds } from '../../store/records/blob/copies.ts'
import { describeFailure } from './copy-failure.ts'
import { tellingDamage } from './damage.ts'
import { retriedJobs } from './retried-jobs.ts'
import { type OpenJob, type RunCopyDeps, endFailed, isPassing, openJob, runCopy, tell } from './run-copy.ts'

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

export function startCopyWork(deps: CopyWorkDeps): CopyWork {
  const jobs = retriedJobs({
    maxAtOnce: MAX_AT_ONCE,
    run: (id, signal) => tryOnce(deps, id, signal),
    waitMs: (tries) => Math.min(MAX_WAIT_MS, 2 ** (tries - 1) * SECOND_MS),
  })
  const resumed = listCopyIds(deps.records.read).then((ids) => ids.forEach(jobs.start), deps.bug)
  return {
    start: jobs.start,
    stop: jobs.stop,
    async [Symbol.asyncDispose]() {
      await resumed
      await jobs[Symbol.asyncDispose]()
    },
  }
}

/** @returns whether it has ended; else it is to be tried again */
async function tryOnce(deps: CopyWorkDeps, id: string, signal: AbortSignal): Promise<boolean> {
  try {
    const open = await openJob(deps, id)
    if (open === null) return true
    const error = await failureOf(() => tellingDamage(() => runCopy(deps, open, signal)))
    return error === null || signal.aborted || (await endsWith(deps, open, error))
  } catch (error) {
    // What became of it could not be written down.
    if (error instanceof Outage) return false
    // Its job is still stored: the next start of the server goes on with it.
    if (!signal.aborted) deps.bug(error)
    return true
  }
}

/** Ends a copy that was refused; one that was not says why it waits. @returns whether it has ended */
async function endsWith(deps: CopyWorkDeps, open: OpenJob, error: unknown): Promise<boolean> {
  const isLate = deps.stamp().now > open.job.startedAt + MAX_COPY_MS
  if (isPassing(error) && !isLate) {
    await tell(deps, open, { statusDescription: describeFailure(error) })
    return false
  }
  if (!(error instanceof Fault)) deps.bug(error)
  await endFailed(deps, open, error)
  return true
}

async function failureOf(work: () => Promise<void>): Promise<unknown> {
  try {
    await work()
    return null
  } catch (error) {
    return error
  }
}
