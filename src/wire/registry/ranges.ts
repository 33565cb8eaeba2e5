import { RegistryFault } from '../../services/registry/faults.ts'

/** Half-open, in bytes. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/**
 * One range of RFC 9110 section 14.2, clipped to the content. Azure's SDK resumes with `<first>-` and no unit. Several
 * ranges, other units and what is no range at all are ignored, as the RFC allows.
 *
 * @returns null when the whole content is to be sent
 * @throws RegistryFault `range-not-satisfiable`, also for a range whose end comes before its start
 */
export function parseRange(header: string | undefined, size: number): ByteRange | null {
  const found = /^(?:bytes *= *)?(\d*)-(\d*)$/i.exec(header?.trim() ?? '')
  const [, first = '', last = ''] = found ?? []
  if (first === '' && last === '') return null
  const start = first === '' ? Math.max(0, size - Number(last)) : Number(first)
  const end = first === '' || last === '' ? size : Math.min(size, Number(last) + 1)
  if (start >= end) throw new RegistryFault('range-not-satisfiable', { size })
  return { start, end }
}

/**
 * Content-Range of a chunk: OCI distribution-spec 1.1, "Pushing a blob in chunks", writes `<first>-<last>`; RFC 9110
 * writes `bytes <first>-<last>/<length>`.
 *
 * @throws RegistryFault `upload-invalid`
 */
export function parseContentRange(
  header: string | undefined,
): { readonly first: number; readonly last: number } | null {
  if (header === undefined) return null
  const found = /^(?:bytes[ =] *)?(\d{1,15})-(\d{1,15})(?:\/(?:\d+|\*))?$/i.exec(header.trim())
  if (found === null)
    throw new RegistryFault('upload-invalid', { reason: 'Content-Range is not <first>-<last>' })
  return { first: Number(found[1]), last: Number(found[2]) }
}

/** `0-<last>` as Range of an upload; an empty one has `0-0`, which clients must be able to parse. */
export function uploadedRange(size: number): string {
  return `0-${Math.max(0, size - 1)}`
}
