import type { FileHandle } from 'node:fs/promises'
import { type Bytes, free } from '../../../kernel/bytes.ts'
import { KIB } from '../../../kernel/units.ts'

/**
 * Chunks are gathered until they make up a write of this size. Nothing that goes into a mebibyte: what sealing adds to a body of a
 * round length would be a write of its own.
 */
const FLUSH_BYTES = 576 * KIB

/** Writes `body` from offset 0 on, one write at most under way while the next chunks are fetched. @returns the length */
export async function writeBody(handle: FileHandle, body: Bytes, signal: AbortSignal): Promise<number> {
  let gathered: Uint8Array[] = []
  let gatheredBytes = 0
  let length = 0
  let writing: Promise<void> = Promise.resolve()
  const flush = async (): Promise<void> => {
    await writing
    writing = writeAll(handle, gathered, length)
    // A failure is reported by the next await of it; until then it must not count as unhandled.
    writing.catch(() => undefined)
    length += gatheredBytes
    gathered = []
    gatheredBytes = 0
  }
  try {
    for await (const chunk of untilAborted(body, signal)) {
      if (chunk.length === 0) continue
      gathered.push(chunk)
      gatheredBytes += chunk.length
      if (gatheredBytes >= FLUSH_BYTES) await flush()
    }
    if (gatheredBytes > 0) await flush()
  } finally {
    await writing
  }
  return length
}

async function writeAll(handle: FileHandle, chunks: readonly Uint8Array[], position: number): Promise<void> {
  let left = chunks
  let at = position
  while (left.length > 0) {
    const [only] = left
    const { bytesWritten } =
      left.length === 1 && only !== undefined
        ? await handle.write(only, 0, only.length, at)
        : await handle.writev(left as NodeJS.ArrayBufferView[], at)
    at += bytesWritten
    left = without(left, bytesWritten)
  }
  for (const chunk of chunks) free(chunk)
}

/** What is left of `chunks` once `count` bytes are written: a write may be short. */
function without(chunks: readonly Uint8Array[], count: number): readonly Uint8Array[] {
  let skip = count
  for (const [index, chunk] of chunks.entries()) {
    if (skip < chunk.length) return [chunk.subarray(skip), ...chunks.slice(index + 1)]
    skip -= chunk.length
  }
  return []
}

/**
 * Like `body`, but ends with the signal's reason at once, even while a chunk is awaited.
 * NOTE: no `Promise.race` with one promise for the signal: it would hold on to every chunk's promise to the end.
 */
async function* untilAborted(body: Bytes, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  signal.throwIfAborted()
  let abort: (reason: unknown) => void = () => undefined
  const onAbort = (): void => abort(signal.reason)
  signal.addEventListener('abort', onAbort, { once: true })
  const chunks = body[Symbol.asyncIterator]()
  let isDone = false
  try {
    for (;;) {
      const next = await new Promise<IteratorResult<Uint8Array>>((resolve, reject) => {
        abort = reject
        chunks.next().then(resolve, reject)
      })
      if (next.done === true) {
        isDone = true
        return
      }
      yield next.value
      signal.throwIfAborted()
    }
  } catch (error) {
    isDone = !signal.aborted
    throw error
  } finally {
    signal.removeEventListener('abort', onAbort)
    // Not awaited: a body that hangs would hang here too.
    if (!isDone) void chunks.return?.().then(undefined, () => undefined)
  }
}
