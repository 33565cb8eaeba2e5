import { vi } from 'vitest'
import { noConditions } from '../../src/services/blob/conditions.ts'
import type { CopySource } from '../../src/services/blob/copy-source.ts'
import { noEncryption } from '../../src/services/blob/encryption.ts'
import type { BlobDoc, BlobPath, CopyDoc } from '../../src/services/blob/model.ts'
import { bodyOf } from './body.ts'
import { type BlobBench, never, pathOf, plainBlob, reading } from './blob-bench.ts'

/** What all copies ask for. */
export function copyCommandOf(source: CopySource) {
  return {
    ...plainBlob,
    source: { source, conditions: noConditions, customerKey: null },
    shown: 'https://account1.blob.core.test/c1/a',
  }
}

/** Commits a blob of those blocks, which it stages first. @returns their ids */
export async function putBlocks(
  bench: BlobBench,
  blob: string,
  blocks: readonly Uint8Array[],
): Promise<readonly string[]> {
  const { blobs } = bench
  const at = pathOf(bench, blob)
  const ids = blocks.map((_, index) => Buffer.from(String(index).padStart(4, '0')).toString('base64'))
  for (const [index, bytes] of blocks.entries()) {
    const checksum = { md5: null, crc64: null }
    const told = { leaseId: null, encryption: noEncryption, checksum, knowsCrc64: true }
    await blobs.putBlock({ at, command: { ...told, block: ids[index] ?? '' } }, bodyOf(bytes), never)
  }
  const command = {
    ...plainBlob,
    ...{ headers: { contentType: 'text/x' }, metadata: { from: 'source' }, tags: { a: 'b' } },
    blocks: ids.map((id) => ({ from: 'latest' as const, id })),
  }
  await blobs.putBlockList(at, command, never)
  return ids
}

export async function docAt(bench: BlobBench, at: BlobPath): Promise<BlobDoc> {
  return (await bench.blobs.getBlob(at, reading, never)).view.doc
}

/** The blob once no copy to it is pending any more. */
export async function endedCopy(bench: BlobBench, blob = 'copy'): Promise<BlobDoc> {
  return await vi.waitFor(async () => {
    const doc = await docAt(bench, pathOf(bench, blob))
    if (doc.copy?.status === 'pending') throw new Error('it is still pending')
    return doc
  }, 20_000)
}

/** What a list tells of the copy to a blob: with the key away, its properties tell nothing. */
export async function listedCopy(bench: BlobBench, blob = 'copy'): Promise<CopyDoc | null> {
  const without = { snapshots: false, versions: false, deleted: false, deletedWithVersions: false }
  const query = {
    ...{ prefix: blob, delimiter: null, from: { name: '', moment: '' }, limit: 1, endBefore: null },
    ...{ onlyDeleted: false, include: { ...without, uncommitted: false, metadata: false } },
  }
  const path = { account: bench.account, container: 'c1' }
  const { parts } = await bench.blobs.listBlobs(path, { show: (some) => some, query }, never)
  const [item] = parts.flat()
  if (item === undefined || !('blob' in item)) throw new Error('no blob')
  return item.blob.doc.copy
}

export async function storedCount({ bytes }: Pick<BlobBench, 'bytes'>): Promise<number> {
  let count = 0
  for await (const _ of bytes.list()) count++
  return count
}

/** Lets reads of files pass until `passing` of them have; those that come then wait, until they are let go or broken off. */
export function holdReads(bench: BlobBench, passing = 0) {
  const gate = Promise.withResolvers<undefined>()
  const reached = Promise.withResolvers<undefined>()
  const { bytes } = bench
  const read = bytes.read.bind(bytes)
  let passed = 0
  bytes.read = async function* (...asked) {
    if (passed++ >= passing) {
      reached.resolve(undefined)
      const [, , { signal }] = asked
      await Promise.race([gate.promise, new Promise((resolve) => signal.addEventListener('abort', resolve))])
    }
    yield* read(...asked)
  }
  return {
    /** The first of them waits. */
    reached: reached.promise,
    release() {
      bytes.read = read
      gate.resolve(undefined)
    },
  }
}
