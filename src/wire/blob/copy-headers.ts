import type { RequestHead } from '../../http/operation.ts'
import type { Span } from '../../services/blob/extent-map.ts'
import { BlobFault } from '../../services/blob/faults.ts'

/** `x-ms-source-range`; null: all of the source. @throws BlobFault `header-invalid` */
export function sourceRangeOf({ headers }: RequestHead): Span | null {
  const name = 'x-ms-source-range'
  const value = headers.get(name)
  if (value === undefined || value === '') return null
  const found = /^bytes=(\d{1,15})-(\d{0,15})$/.exec(value.trim())
  if (found === null) throw new BlobFault('header-invalid', { name, value })
  const start = Number(found[1])
  const end = found[2] === '' ? Number.MAX_SAFE_INTEGER : Number(found[2]) + 1
  if (end <= start) throw new BlobFault('header-invalid', { name, value })
  return { start, end }
}

/** `x-ms-copy-source-tag-option`, in its letter case. @throws BlobFault `header-invalid` */
export function copiesTagsOf({ headers }: RequestHead): boolean {
  const name = 'x-ms-copy-source-tag-option'
  const value = headers.get(name) ?? 'REPLACE'
  if (value === 'COPY' || value === 'REPLACE') return value === 'COPY'
  throw new BlobFault('header-invalid', { name, value })
}

/** `x-ms-copy-source-blob-properties`; absent: yes. @throws BlobFault `header-invalid` */
export function copiesPropertiesOf({ headers }: RequestHead): boolean {
  const name = 'x-ms-copy-source-blob-properties'
  const value = headers.get(name)?.toLowerCase() ?? 'true'
  if (value === 'true' || value === 'false') return value === 'true'
  throw new BlobFault('header-invalid', { name, value })
}

/** `x-ms-seal-blob`; absent: no. @throws BlobFault `header-invalid` */
export function sealsBlobOf({ headers }: RequestHead): boolean {
  const name = 'x-ms-seal-blob'
  const value = headers.get(name)?.toLowerCase() ?? 'false'
  if (value === 'true' || value === 'false') return value === 'true'
  throw new BlobFault('header-invalid', { name, value })
}
