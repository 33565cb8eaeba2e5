import { open, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { DataFolderError } from './data-folder-error.ts'

/**
 * Locks the folder for this process. The lock is the operating system's, on `lock.db`, taken through SQLite since Node has
 * no flock of its own: it goes with the process, however that ends. `lock.pid` is for people only.
 *
 * @throws DataFolderError when another process holds it
 */
export async function lockDataFolder(dir: string): Promise<Disposable> {
  const pidFile = join(dir, 'lock.pid')
  const file = join(dir, 'lock.db')
  await makePrivate(file)
  const database = new DatabaseSync(file, { timeout: 0 })
  try {
    // Nothing is ever written to it, so it needs no journal file.
    database.exec('pragma journal_mode = memory')
    database.exec('begin exclusive')
  } catch (error) {
    database.close()
    if (!isBusy(error)) throw error
    throw new DataFolderError(
      `${dir} is in use by ${await holder(pidFile)}: stop that one first, or choose another --data`,
      {
        cause: error,
      },
    )
  }
  try {
    await writeFile(pidFile, `${process.pid}\n`, { mode: 0o600 })
  } catch (error) {
    database.close()
    throw error
  }
  return {
    [Symbol.dispose]: () => {
      if (database.isOpen) database.close()
    },
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === 5
}

async function holder(pidFile: string): Promise<string> {
  try {
    const pid = (await readFile(pidFile, 'utf8')).trim()
    return /^\d+$/.test(pid) ? `process ${pid}` : 'another process'
  } catch {
    // The lock counts, not the note of who holds it.
    return 'another process'
  }
}

/** SQLite would go by the umask. An existing file is not even opened: to close it would give up a lock that this process holds. */
async function makePrivate(file: string): Promise<void> {
  try {
    await (await open(file, 'wx', 0o600)).close()
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  }
}
