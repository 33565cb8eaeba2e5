import { mkdir, readdir, realpath, rm } from 'node:fs/promises'
import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path'
import { sealedLength } from '../crypto/stream.ts'
import { Outage } from '../kernel/fault.ts'
import { type BytesRef, parseBytesRef } from '../store/bytes/byte-store.ts'
import { type ExtentCopies, openExtentCopies } from '../store/bytes/files/extent-copies.ts'
import { DataFolderError } from '../store/data-folder-error.ts'
import { syncFolder, writeSecretFile } from '../store/data-folder-files.ts'
import { assertDataFolder, writeFormat } from '../store/data-folder.ts'
import type { DataDb } from '../store/records/data-db.ts'
import {
  type KeptExtent,
  keptAmong,
  keptExtentTotals,
  listKeptExtents,
} from '../store/records/all-extents.ts'
import { copyTogether } from '../store/records/sqlite/snapshot.ts'
import { type SqliteReader, openSqliteReader } from '../store/records/sqlite/sqlite-reader.ts'
import { errorCode, readFileIfThere } from './files.ts'

export interface BackupOptions {
  readonly dataDir: string
  /** Missing or empty. */
  readonly target: string
  /** Waited for. */
  readonly progress?: (progress: BackupProgress) => void | Promise<void>
}

export interface BackupProgress {
  readonly step: 'databases' | 'extents'
  /** Extents looked at in this round, and how many there are in it. */
  readonly done: number
  readonly total: number
}

export interface BackupSummary {
  readonly target: string
  readonly extents: number
  /** Of the extents' files. */
  readonly bytes: number
  /** How often the databases were copied: again when the server deleted what an older copy needed. */
  readonly rounds: number
  /** Extents that the source itself has not, or not whole. */
  readonly damaged: readonly string[]
}

/**
 * What a restored server needs, by name: whatever else lies there, a seal key under any name first of all, stays. The
 * secret of the managed-identity endpoint is made anew by each start.
 */
const secretFiles = ['owner.json', 'ca.pem', 'ca.key', 'tls.pem'] as const
const PAGE = 500
const COPIES_AT_ONCE = 8
const MAX_ROUNDS = 10

/**
 * Copies a data folder, in use or not, so that it can be started where its seal key is. Needs no key.
 *
 * Both databases as of one instant first, then the extents that they name: those were durable before. What the server
 * deletes in between is missed, and the databases are copied again; what was copied stays, so each round is short.
 * `FORMAT` comes last: nothing starts on half a copy.
 *
 * @throws DataFolderError with one line for the operator
 */
export async function backUp({ dataDir, target, progress }: BackupOptions): Promise<BackupSummary> {
  await assertDataFolder(dataDir)
  const to = await emptyFolder(dataDir, resolve(target))
  try {
    await copySecrets(join(dataDir, 'secrets'), join(to, 'secrets'))
    const copies = await openExtentCopies(join(dataDir, 'bytes'), join(to, 'bytes'))
    const copied = await inRounds({ from: dataDir, to, copies, progress: progress ?? (() => undefined) })
    await copies.sync()
    await syncFolder(to)
    await writeFormat(to)
    await syncFolder(dirname(to))
    return { target: to, ...copied }
  } catch (error) {
    // Only what is in it: the folder itself may have been there before.
    for (const name of await contentsOf(to)) await rm(join(to, name), { recursive: true, force: true })
    if (error instanceof Outage)
      throw new DataFolderError(`the backup failed: ${error.message}`, { cause: error })
    throw error
  }
}

/** @returns its real path */
async function emptyFolder(dataDir: string, target: string): Promise<string> {
  assertOutside(resolve(dataDir), target)
  try {
    await mkdir(target, { recursive: true, mode: 0o700 })
  } catch (error) {
    if (errorCode(error) !== 'EEXIST' && errorCode(error) !== 'ENOTDIR') throw error
    throw new DataFolderError(`${target} is not a folder: name another`, { cause: error })
  }
  const to = await realpath(target)
  // Links may lead there, too.
  assertOutside(await realpath(dataDir), to)
  const [found] = await contentsOf(to)
  if (found === undefined) return to
  throw new DataFolderError(
    `${target} is not empty (it has ${JSON.stringify(found)}): name a folder that is new or empty`,
  )
}

function assertOutside(outer: string, inner: string): void {
  const way = relative(outer, inner)
  if (way.split(sep)[0] === '..' || isAbsolute(way)) return
  throw new DataFolderError(`${inner} lies in the data folder and would be lost with it: name another`)
}

/** Without what a file system of its own begins with. */
async function contentsOf(dir: string): Promise<readonly string[]> {
  return (await readdir(dir)).filter((name) => name !== 'lost+found')
}

async function copySecrets(from: string, to: string): Promise<void> {
  await mkdir(to, { mode: 0o700 })
  for (const name of secretFiles) {
    const text = await readFileIfThere(join(from, name))
    // With the operator's own certificate there is no CA.
    if (text !== null) await writeSecretFile(join(to, name), text)
  }
}

interface Work {
  readonly from: string
  readonly to: string
  readonly copies: ExtentCopies
  readonly progress: (progress: BackupProgress) => void | Promise<void>
}

async function inRounds(work: Work): Promise<Omit<BackupSummary, 'target'>> {
  let missingBefore: ReadonlySet<string> = new Set()
  for (let rounds = 1; rounds <= MAX_ROUNDS; rounds++) {
    await work.progress({ step: 'databases', done: 0, total: 0 })
    await copyDatabases(work)
    await using data = openSqliteReader<DataDb>(join(work.to, 'data.db'))
    const { missing, truncated, ...copied } = await copyExtents(work, data)
    // What a newer copy of the databases still names and the source has not: nobody deleted that.
    const isFinal = missing.every((ref) => missingBefore.has(ref))
    if (isFinal) {
      if (rounds > 1) await removeUnneeded(work.copies, data)
      return { ...copied, rounds, damaged: [...missing, ...truncated] }
    }
    missingBefore = new Set(missing)
  }
  throw new Outage('the server deletes faster than can be copied: try again when less goes on')
}

async function copyDatabases({ from, to }: Work): Promise<void> {
  const copyOf = (name: string) => ({ from: join(from, name), to: join(to, name) })
  const [keys, data] = [copyOf('keys.db'), copyOf('data.db')]
  for (const copy of [keys, data]) await rm(copy.to, { force: true })
  await copyTogether(keys, data)
}

interface Round {
  readonly extents: number
  readonly bytes: number
  readonly missing: readonly string[]
  readonly truncated: readonly string[]
}

async function copyExtents({ copies, progress }: Work, { read }: SqliteReader<DataDb>): Promise<Round> {
  const { count: total } = await keptExtentTotals(read)
  const missing = new Set<string>()
  const truncated: string[] = []
  let [done, extents, bytes] = [0, 0, 0]
  await progress({ step: 'extents', done, total })
  // Those of unfinished uploads go at once when the upload does: first.
  await eachExtent(read, 'uploads', async ({ ref }) => {
    if ((await copies.copy(refOf(ref))) === null) missing.add(ref)
  })
  await eachExtent(read, 'all', async ({ ref, length }) => {
    const size = await copies.copy(refOf(ref))
    if (size === null) missing.add(ref)
    else {
      if (size !== sealedLength(length)) truncated.push(ref)
      extents++
      bytes += size
    }
    await progress({ step: 'extents', done: ++done, total })
  })
  return { extents, bytes, missing: [...missing], truncated }
}

async function eachExtent(
  read: SqliteReader<DataDb>['read'],
  which: 'uploads' | 'all',
  visit: (extent: KeptExtent) => Promise<void>,
): Promise<void> {
  for (let after: string | null = ''; after !== null;) {
    const page: readonly KeptExtent[] = await listKeptExtents(read, { after, limit: PAGE, which })
    await eachOf(page, visit)
    after = page.length < PAGE ? null : (page.at(-1)?.ref ?? null)
  }
}

/** What an earlier round copied and this one's databases do not name. */
async function removeUnneeded(copies: ExtentCopies, { read }: SqliteReader<DataDb>): Promise<void> {
  for await (const refs of copies.list()) {
    for (let at = 0; at < refs.length; at += PAGE) {
      const some = refs.slice(at, at + PAGE)
      const kept = await keptAmong(read, some)
      for (const ref of some) if (!kept.has(ref)) await copies.remove(ref)
    }
  }
}

/** Some at a time. Nothing goes on once this has ended, also when one failed. */
async function eachOf<T>(items: readonly T[], visit: (item: T) => Promise<void>): Promise<void> {
  const left = items.values()
  const run = async () => {
    for (const item of left) await visit(item)
  }
  const ended = await Promise.allSettled(Array.from({ length: COPIES_AT_ONCE }, run))
  for (const outcome of ended) if (outcome.status === 'rejected') throw outcome.reason
}

function refOf(text: string): BytesRef {
  const ref = parseBytesRef(text)
  if (ref === null) throw new DataFolderError('data.db is damaged: an extent has no proper name; run verify')
  return ref
}
