import { sealedLength } from '../../crypto/stream.ts'
import type { BytesRef, ByteStore } from '../../store/bytes/byte-store.ts'
import type { DataRecords } from '../../store/records/data-db.ts'
import { knownRefs } from '../../store/records/all-extents.ts'
import { extentOwners, looseExtents, looseRows } from '../../store/records/registry/integrity.ts'
import { type ExtentRow, extentsOf } from '../../store/records/registry/uploads.ts'

export interface VerifyStoredDeps {
  readonly records: Pick<DataRecords, 'read'>
  readonly bytes: ByteStore
}

export interface StoredSink {
  damage(where: string, problem: string): void
  /** Extents whose files were looked at, since the last call. */
  looked(extents: number): void
}

export interface StoredVerification {
  readonly extents: number
  /** Unsealed. */
  readonly bytes: number
  /** Files that no row names: what a crash left, or an upload under way when a backup was made. The sweeper takes them. */
  readonly unnamedFiles: number
  readonly unnamedBytes: number
}

const REFS_AT_ONCE = 500

/**
 * What can be seen of all registries without any key: references between rows, that extents cover what they belong to
 * without a gap, and that each has its file, of exactly the sealed length.
 */
export async function verifyStored(
  { records, bytes }: VerifyStoredDeps,
  sink: StoredSink,
  signal: AbortSignal,
): Promise<StoredVerification> {
  const { read } = records
  for await (const { what, row, problem } of looseRows(read)) {
    signal.throwIfAborted()
    sink.damage(`${what} ${row}`, problem)
  }
  for await (const { ref, owner, hasKey } of looseExtents(read))
    sink.damage(`extent ${ref} of ${owner}`, hasKey ? 'no blob and no upload has it' : 'its key is missing')
  const counts = { extents: 0, bytes: 0 }
  for await (const { kind, id, size } of extentOwners(read)) {
    signal.throwIfAborted()
    const rows = await extentsOf(read, id, { start: 0, end: Number.MAX_SAFE_INTEGER })
    const gap = gapOf(rows, size)
    if (gap !== null)
      sink.damage(`${kind} ${id}`, `its extents have a gap or an overlap at byte ${gap} of ${size}`)
    for (const row of rows) {
      counts.extents++
      counts.bytes += row.length
      const problem = row.is_inline === 1 ? null : lengthProblem(await bytes.length(row.ref as BytesRef), row)
      if (problem !== null) sink.damage(`extent ${row.ref} of ${kind} ${id}`, problem)
      sink.looked(1)
    }
  }
  return { ...counts, ...(await unnamed(read, bytes, signal)) }
}

/** Where the extents stop to follow each other, or the size where they go beyond it; null when they are whole. */
export function gapOf(rows: readonly Pick<ExtentRow, 'start' | 'length'>[], size: number): number | null {
  let at = 0
  for (const { start, length } of rows) {
    if (start !== at) return at
    at += length
  }
  return at === size ? null : Math.min(at, size)
}

function lengthProblem(found: number | null, { length }: ExtentRow): string | null {
  const wanted = sealedLength(length)
  if (found === null) return 'its file is missing'
  return found === wanted ? null : `its file has ${found} bytes instead of ${wanted}`
}

async function unnamed(
  read: DataRecords['read'],
  bytes: ByteStore,
  signal: AbortSignal,
): Promise<Pick<StoredVerification, 'unnamedFiles' | 'unnamedBytes'>> {
  const counts = { unnamedFiles: 0, unnamedBytes: 0 }
  let batch = new Map<string, number>()
  const flush = async () => {
    const known = await knownRefs(read, [...batch.keys()])
    for (const [ref, length] of batch) {
      if (known.has(ref)) continue
      counts.unnamedFiles++
      counts.unnamedBytes += length
    }
    batch = new Map()
  }
  for await (const { ref, length } of bytes.list()) {
    signal.throwIfAborted()
    batch.set(ref, length)
    if (batch.size === REFS_AT_ONCE) await flush()
  }
  await flush()
  return counts
}
