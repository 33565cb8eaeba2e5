import { constants } from 'node:fs'
import { copyFile, mkdir, open, readdir, stat, unlink } from 'node:fs/promises'
import { join } from 'node:path'
import { syncFolder } from '../../data-folder-files.ts'
import { type BytesRef, parseBytesRef } from '../byte-store.ts'
import { asOutage, errorCode } from './disk-outage.ts'

/** The bytes of one data folder on their way into another, in the layout of docs/format/data-folder.md. */
export interface ExtentCopies {
  /**
   * Copies one extent as it is, sealed; shares the blocks where the file system can. One that is there already is left.
   * @returns its length in bytes; null when the source has no such file
   */
  copy(ref: BytesRef): Promise<number | null>
  /** What was copied. */
  list(): AsyncIterable<readonly BytesRef[]>
  remove(ref: BytesRef): Promise<void>
  /** Makes the names durable; the contents are, once `copy` resolves. */
  sync(): Promise<void>
}

/** @param to a new, empty folder */
export async function openExtentCopies(from: string, to: string): Promise<ExtentCopies> {
  await mkdir(to, { mode: 0o700 })
  const prefixes = new Set<string>()
  const fileIn = (root: string, ref: BytesRef) => join(root, ref.slice(0, 2), ref)
  const folderOf = async (ref: BytesRef) => {
    const prefix = ref.slice(0, 2)
    if (prefixes.has(prefix)) return
    await mkdir(join(to, prefix), { recursive: true, mode: 0o700 })
    prefixes.add(prefix)
  }
  return {
    async copy(ref) {
      await folderOf(ref)
      const target = fileIn(to, ref)
      try {
        await copyFile(fileIn(from, ref), target, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL)
      } catch (error) {
        if (errorCode(error) === 'ENOENT') return null
        if (errorCode(error) === 'EEXIST') return (await stat(target)).size
        throw asOutage(error)
      }
      await using handle = await open(target, 'r+')
      await handle.sync()
      return (await handle.stat()).size
    },
    async *list() {
      for (const prefix of prefixes) {
        yield (await readdir(join(to, prefix))).map(parseBytesRef).filter((ref) => ref !== null)
      }
    },
    remove: async (ref) => await unlink(fileIn(to, ref)),
    async sync() {
      for (const prefix of prefixes) await syncFolder(join(to, prefix))
      await syncFolder(to)
    },
  }
}
