import type { Clock } from '../../kernel/clock.ts'
import type { ObservedTimeRecords } from '../../store/records/vault/observed-time-records.ts'

/**
 * Time that this installation has seen pass: what retention is counted in. It grows by what the monotonic clock says,
 * and never by more than the wall clock does, so neither a jump of the date nor a stopped server brings a purge nearer.
 */
export interface ObservedTime {
  /** Milliseconds in all, with what is not yet kept. */
  nowMs(): number
  /** Keeps what has passed. @returns the total that is kept */
  advance(): Promise<number>
}

export async function openObservedTime(deps: {
  readonly records: ObservedTimeRecords
  readonly clock: Clock
  /** Milliseconds, never goes back. */
  readonly monotonic: () => number
}): Promise<ObservedTime> {
  const read = () => ({ monotonic: deps.monotonic(), wall: deps.clock.now().getTime() })
  let keptMs = await deps.records.readMs()
  let mark = read()
  let running: Promise<number> | null = null
  const since = (at: typeof mark) =>
    Math.floor(Math.max(0, Math.min(at.monotonic - mark.monotonic, at.wall - mark.wall)))
  const advance = async () => {
    const at = read()
    keptMs = await deps.records.addMs(since(at))
    mark = at
    return keptMs
  }
  return {
    nowMs: () => keptMs + since(read()),
    advance() {
      // One at a time: two would count the same stretch twice.
      running ??= advance().finally(() => {
        running = null
      })
      return running
    },
  }
}
