import { sealedLength } from '../../crypto/stream.ts'
import type { BytesRef, ByteStore } from '../../store/bytes/byte-store.ts'
import { filedExtents, looseBlobRows } from '../../store/records/blob/integrity.ts'
import type { DataRecords } from '../../store/records/data-db.ts'

export interface StoredBlobsSink {
  damage(where: string, problem: string): void
  /** Extents whose files were looked at, since the last call. */
  looked(extents: number): void
}

/**
 * What can be seen of all storage accounts without any key: references between rows, and that each extent has its file, of
 * exactly the sealed length.
 */
export async function verifyStoredBlobs(
  { records, bytes }: { readonly records: Pick<DataRecords, 'read'>; readonly bytes: ByteStore },
  sink: StoredBlobsSink,
  signal: AbortSignal,
): Promise<{ readonly extents: number; readonly bytes: number }> {
  const counts = { extents: 0, bytes: 0 }
  for await (const { what, row, problem } of looseBlobRows(records.read)) {
    signal.throwIfAborted()
    sink.damage(`${what} ${row}`, problem)
  }
  for await (const { ref, length, isDoubled } of filedExtents(records.read)) {
    signal.throwIfAborted()
    const wanted = isDoubled ? sealedLength(sealedLength(length)) : sealedLength(length)
    const found = await bytes.length(ref as BytesRef)
    if (found === null) sink.damage(`extent ${ref}`, 'its file is missing')
    else if (found !== wanted)
      sink.damage(`extent ${ref}`, `its file has ${found} bytes instead of ${wanted}`)
    counts.extents++
    counts.bytes += length
    sink.looked(1)
  }
  return counts
}
