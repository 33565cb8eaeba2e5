import { RestError } from '../support/rest.ts'
import type { CrashSite } from './crash-site.ts'

/** Over and over, until the connection is lost. An answer that was not wanted is a failure. */
export async function untilKilled(
  site: Pick<CrashSite, 'signal'>,
  killed: AbortSignal,
  work: (turn: number) => Promise<void>,
): Promise<void> {
  try {
    for (let turn = 0; !killed.aborted; turn++) await work(turn)
  } catch (error) {
    if (!isEnd(site, error)) throw error
  }
}

/** Whoever asks between the cut of a disk and the end of its server hears that the disk is gone, and no yes. */
function isEnd({ signal }: Pick<CrashSite, 'signal'>, error: unknown): boolean {
  if (error instanceof RestError) return signal === 'STOP' && error.answer.status === 503
  return error instanceof Error && 'code' in error
}
