import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Finding, ok, warn } from './finding.ts'

/** Whether a crash of the server could write the keys in its memory to disk. Null where /proc does not say. */
export async function checkCoreDumps(dataDir: string, procDir = '/proc'): Promise<Finding | null> {
  const pid = (await readFile(join(dataDir, 'lock.pid'), 'utf8').catch(() => '')).trim()
  const isNumber = /^\d+$/.test(pid)
  const server = isNumber ? await coreLimit(join(procDir, pid)) : null
  const limit = server ?? (await coreLimit(join(procDir, 'self')))
  if (limit === null) return null
  const whose = server === null ? 'this shell' : 'the server'
  if (limit === '0') return ok('core dumps', `${whose} writes none`)
  return warn(
    'core dumps',
    `${whose} may write one (limit ${limit}): a crash would leave the keys in memory on disk`,
    'start with npm start, which forbids them; in a systemd unit: LimitCORE=0',
  )
}

/** The soft limit: `0`, a number of bytes, or `unlimited`. */
async function coreLimit(processDir: string): Promise<string | null> {
  const limits = await readFile(join(processDir, 'limits'), 'utf8').catch(() => '')
  return /^Max core file size\s+(\S+)/m.exec(limits)?.[1] ?? null
}
