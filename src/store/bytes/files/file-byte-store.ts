import { constants } from 'node:fs'
import { type FileHandle, open, rename, stat, unlink } from 'node:fs/promises'
import type { Bytes } from '../../../kernel/bytes.ts'
import { KIB, MIB } from '../../../kernel/units.ts'
import {
  ByteFault,
  type ByteRange,
  type BytesRef,
  type ByteStore,
  parseBytesRef,
  type StoredBytes,
} from '../byte-store.ts'
import { asOutage, errorCode } from './disk-outage.ts'
import { writeBody } from './file-writer.ts'
import { Folders } from './folders.ts'
import { Slots } from './slots.ts'

export type FileByteStore = ByteStore & AsyncDisposable

/** Files open at once, reads and writes together; beside them at most 257 folders are held open. */
const MAX_OPEN_FILES = 512
const READ_BYTES = MIB
/** What sealing adds to a body of a round length is read with the rest, not on its own. */
const READ_MORE_BYTES = 64 * KIB

/** Bytes as files below `root`, in the layout of docs/format/data-folder.md. One process at a time. */
export async function openFileByteStore(root: string): Promise<FileByteStore> {
  const folders = await outages(() => Folders.open(root))
  const slots = new Slots(MAX_OPEN_FILES)
  return {
    async write(ref, body, { signal }) {
      signal.throwIfAborted()
      await slots.take()
      try {
        return await outages(() => write(folders, ref, body, signal))
      } finally {
        slots.give()
      }
    },
    async *read(ref, range, { signal }) {
      signal.throwIfAborted()
      await slots.take()
      try {
        yield* read(folders.whole(ref), ref, range, signal)
      } catch (error) {
        throw asOutage(error)
      } finally {
        slots.give()
      }
    },
    length: async (ref) => await outages(async () => (await lengthAndTime(folders, ref))?.length ?? null),
    discard: async (ref) => await outages(() => unlinkIfThere(folders.whole(ref))),
    list: () => list(folders),
    [Symbol.asyncDispose]: async () => await folders.close(),
  }
}

async function write(
  folders: Folders,
  ref: BytesRef,
  body: Bytes,
  signal: AbortSignal,
): Promise<{ length: number }> {
  const staged = folders.staged(ref)
  let place = staged
  const handle = await open(staged, 'wx', 0o600)
  try {
    let length: number
    try {
      // Whoever else wrote this ref is done with it, since staging is ours now.
      if ((await lengthAndTime(folders, ref)) !== null) throw new Error('bytes of this ref exist already')
      length = await writeBody(handle, body, signal)
      await handle.datasync()
    } finally {
      await handle.close()
    }
    signal.throwIfAborted()
    await folders.make(ref)
    await rename(staged, folders.whole(ref))
    place = folders.whole(ref)
    await folders.sync(ref)
    return { length }
  } catch (error) {
    // Best effort: what cannot be removed now, the next start or the sweeper removes.
    await unlink(place).catch(() => undefined)
    throw error
  }
}

async function* read(
  file: string,
  ref: BytesRef,
  range: ByteRange,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  if (range.end <= range.start) return
  const handle = await openForReading(file, ref)
  let ahead: Promise<Uint8Array> | null = null
  try {
    let position = range.start
    const fetch = (): Promise<Uint8Array> | null => {
      const left = range.end - position
      const length = left <= READ_BYTES + READ_MORE_BYTES ? left : READ_BYTES
      if (length <= 0) return null
      const chunk = readFully(handle, ref, position, length)
      chunk.catch(() => undefined)
      position += length
      return chunk
    }
    ahead = fetch()
    while (ahead !== null) {
      const chunk = await ahead
      ahead = fetch()
      signal.throwIfAborted()
      yield chunk
      signal.throwIfAborted()
    }
  } finally {
    await ahead?.catch(() => undefined)
    await handle.close()
  }
}

async function openForReading(file: string, ref: BytesRef): Promise<FileHandle> {
  try {
    return await open(file, constants.O_RDONLY)
  } catch (error) {
    if (errorCode(error) === 'ENOENT') throw new ByteFault('bytes-missing', { ref }, { cause: error })
    throw error
  }
}

async function readFully(
  handle: FileHandle,
  ref: BytesRef,
  position: number,
  length: number,
): Promise<Uint8Array> {
  const chunk = Buffer.allocUnsafe(length)
  let filled = 0
  while (filled < length) {
    const { bytesRead } = await handle.read(chunk, filled, length - filled, position + filled)
    if (bytesRead === 0) throw new ByteFault('bytes-truncated', { ref })
    filled += bytesRead
  }
  return chunk
}

async function lengthAndTime(folders: Folders, ref: BytesRef): Promise<StoredBytes | null> {
  try {
    const { size, mtime } = await stat(folders.whole(ref))
    return { ref, length: size, modifiedAt: mtime }
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return null
    throw error
  }
}

async function* list(folders: Folders): AsyncGenerator<StoredBytes> {
  try {
    for await (const names of folders.names()) {
      for (const name of names) {
        const ref = parseBytesRef(name)
        const found = ref === null ? null : await lengthAndTime(folders, ref)
        if (found !== null) yield found
      }
    }
  } catch (error) {
    throw asOutage(error)
  }
}

async function unlinkIfThere(file: string): Promise<void> {
  try {
    await unlink(file)
  } catch (error) {
    if (errorCode(error) !== 'ENOENT') throw error
  }
}

async function outages<T>(step: () => Promise<T>): Promise<T> {
  try {
    return await step()
  } catch (error) {
    throw asOutage(error)
  }
}
