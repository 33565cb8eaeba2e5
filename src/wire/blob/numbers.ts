import type { RequestHead } from '../../http/operation.ts'
import { BlobFault } from '../../services/blob/faults.ts'

/** @returns null when the header was not sent, or is empty */
export function headerOf({ headers }: RequestHead, name: string): string | null {
  const value = headers.get(name)?.trim() ?? ''
  return value === '' ? null : value
}

/** A count or an offset. @returns null when it was not sent. @throws BlobFault `header-invalid` */
export function numberOf(head: RequestHead, name: string): number | null {
  const value = headerOf(head, name)
  if (value === null) return null
  // Up to 2^63: what is not exact any more is beyond anything that there is.
  if (!/^\d{1,19}$/.test(value)) throw new BlobFault('header-invalid', { name, value })
  return Number(value)
}
