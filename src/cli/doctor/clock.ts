import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { MINUTE_MS } from '../../kernel/units.ts'
import { type Finding, fail, ok } from './finding.ts'

const files = ['keys.db', 'keys.db-wal', 'data.db', 'data.db-wal', 'lock.pid', 'secrets/owner.json'] as const

/** A clock that is behind what it wrote itself has been set back: tokens and certificates then look not valid yet. */
export async function checkClock(dataDir: string, now: Date): Promise<Finding> {
  const times = await Promise.all(
    files.map(async (name) => (await stat(join(dataDir, name)).catch(() => null))?.mtimeMs ?? 0),
  )
  const last = Math.max(...times)
  if (last - now.getTime() <= MINUTE_MS) return ok('clock', now.toISOString())
  return fail(
    'clock',
    `it says ${now.toISOString()}, but the data was last written at ${new Date(last).toISOString()}`,
    "set this machine's clock; see `timedatectl`",
  )
}
