import { access, chmod, constants, mkdir, readdir, readFile, unlink } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { DataFolderError } from './data-folder-error.ts'
import { syncFolder, writeSecretFile } from './data-folder-files.ts'
import { lockDataFolder } from './data-folder-lock.ts'

/** A data folder that this process alone uses until it is disposed of. Layout: docs/format/data-folder.md. */
export interface DataFolder extends AsyncDisposable {
  /** Absolute. */
  readonly path: string
  /** Where the byte store's files lie. */
  readonly bytesPath: string
  /** Absolute path of a database or other file directly in the folder. */
  file(name: string): string
  /** Absolute path of a file in `secrets`. */
  secretFile(name: string): string
}

const FORMAT = 1
/** What an `up` that was killed on its first start may have left before it wrote `FORMAT`. */
const leftovers = /^(lock\.db(-journal)?|lock\.pid|secrets|bytes|lost\+found|\.FORMAT\..*\.tmp)$/

/**
 * Opens `dir`, makes it when it is missing, and locks it.
 *
 * @throws DataFolderError with one line for the operator: in use, of a newer format, not ours, out of reach
 */
export async function openDataFolder(dir: string): Promise<DataFolder> {
  const path = resolve(dir)
  try {
    const isNew = await make(path)
    const lock = await lockDataFolder(path)
    try {
      if (isNew) await begin(path)
      for (const name of ['secrets', 'bytes']) await mkdir(join(path, name), { recursive: true, mode: 0o700 })
      await syncFolder(path)
      await syncFolder(dirname(path))
    } catch (error) {
      lock[Symbol.dispose]()
      throw error
    }
    return {
      path,
      bytesPath: join(path, 'bytes'),
      file: (name) => join(path, name),
      secretFile: (name) => join(path, 'secrets', name),
      [Symbol.asyncDispose]: async () => lock[Symbol.dispose](),
    }
  } catch (error) {
    throw explained(error, path)
  }
}

/** For who reads a folder without opening it. @throws DataFolderError when it is no data folder of this version */
export async function assertDataFolder(dir: string): Promise<void> {
  const path = resolve(dir)
  const text = await readFile(join(path, 'FORMAT'), 'utf8').catch((error: unknown) => {
    throw isMissing(error)
      ? new DataFolderError(`${path} is no data folder of Strongroom: name one with --data`, { cause: error })
      : explained(error, path)
  })
  assertFormat(text, path)
}

/** Makes a data folder of what is in `dir`: to be called when all of it is durable. */
export async function writeFormat(dir: string): Promise<void> {
  await writeSecretFile(join(dir, 'FORMAT'), `strongroom-data ${FORMAT}\n`)
}

/** @returns whether the folder has no format yet */
async function make(path: string): Promise<boolean> {
  await mkdir(path, { recursive: true, mode: 0o700 })
  await access(path, constants.R_OK | constants.W_OK | constants.X_OK)
  const names = await readdir(path)
  if (names.includes('FORMAT')) {
    assertFormat(await readFile(join(path, 'FORMAT'), 'utf8'), path)
    return false
  }
  const foreign = names.find((name) => !leftovers.test(name))
  if (foreign !== undefined) {
    throw new DataFolderError(
      `${path} is no data folder of Strongroom and not empty (it has ${JSON.stringify(foreign)}): choose another --data`,
    )
  }
  return true
}

async function begin(path: string): Promise<void> {
  for (const name of await readdir(path)) {
    if (name.startsWith('.FORMAT.')) await unlink(join(path, name))
  }
  await chmod(path, 0o700)
  await writeFormat(path)
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}

function assertFormat(text: string, path: string): void {
  const format = Number(/^strongroom-data ([1-9]\d{0,8})\n$/.exec(text)?.[1])
  if (format === FORMAT) return
  throw new DataFolderError(
    format > FORMAT
      ? `${path} has data format ${format}, this version knows ${FORMAT}: start the newer Strongroom that wrote it`
      : `${join(path, 'FORMAT')} is damaged: it must read "strongroom-data ${FORMAT}"; restore it from a backup`,
  )
}

const advice: Readonly<Record<string, string>> = {
  EACCES: 'may not be read or written by this user: see to its owner and mode, or choose another --data',
  EPERM: 'may not be read or written by this user: see to its owner and mode, or choose another --data',
  EROFS: 'is on a read-only disk: choose another --data',
  ENOSPC: 'is on a disk that is full: make room, or choose another --data',
  EDQUOT: 'is on a disk whose quota is used up: make room, or choose another --data',
  ENOTDIR: 'is not a folder: choose another --data',
  EEXIST: 'is not a folder: choose another --data',
  EIO: 'is on a disk that reports an error: see to the disk, or choose another --data',
}

function explained(error: unknown, path: string): unknown {
  if (error instanceof DataFolderError || !(error instanceof Error) || !('code' in error)) return error
  if (error.code === 'ERR_SQLITE_ERROR') {
    return new DataFolderError(
      `${join(path, 'lock.db')} cannot be locked: see to the folder's owner, mode and file system`,
      {
        cause: error,
      },
    )
  }
  const text = advice[String(error.code)]
  return text === undefined ? error : new DataFolderError(`${path} ${text}`, { cause: error })
}
