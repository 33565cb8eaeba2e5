import { basename } from 'node:path'
import { Outage } from '../../../kernel/fault.ts'

/** Primary result codes (https://www.sqlite.org/rescode.html) that say the engine, not the statement, is at fault. */
const outages: ReadonlyMap<number, string> = new Map([
  [5, 'is locked by another process'],
  [6, 'is locked'],
  [7, 'ran out of memory'],
  [8, 'cannot be written: it, or its disk, is read-only'],
  [10, 'could not be read or written: the disk reports an error'],
  [11, 'is damaged: restore it from a backup'],
  [13, 'cannot grow: the disk is full'],
  [14, 'cannot be opened'],
  [26, 'is not a database: restore it from a backup'],
])
/** Extended result codes that say more: what SQLite reports when its shared index (SQLITE_IOERR_SHMSIZE) has no room. */
const finer: ReadonlyMap<number, string> = new Map([[4874, 'cannot be opened: the disk is full']])

/** After these a connection's own state is not to be trusted any more. */
const broken: readonly number[] = [10, 11, 14, 26]

/** SQLite's extended result code, null for any other error. Its low byte is the primary one. */
function extendedCode(error: unknown): number | null {
  return error instanceof Error && 'errcode' in error && typeof error.errcode === 'number'
    ? error.errcode
    : null
}

/** @returns an Outage in plain words where the engine failed; any other error, a violated constraint say, as it was. */
export function asOutage(error: unknown, file: string): unknown {
  const code = extendedCode(error)
  const words = code === null ? undefined : (finer.get(code) ?? outages.get(code & 0xff))
  return words === undefined ? error : new Outage(`${basename(file)} ${words}`, { cause: error })
}

/** Whether the connection that threw this ought to be opened anew. */
export function breaksConnection(error: unknown): boolean {
  const code = extendedCode(error instanceof Outage ? error.cause : error)
  return code !== null && broken.includes(code & 0xff)
}
