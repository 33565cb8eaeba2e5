import type { RequestHead } from '../../http/operation.ts'
import { BlobFault } from '../../services/blob/faults.ts'
import type { Span } from '../../services/blob/extent-map.ts'
import { httpDate, quoted } from './headers.ts'

interface Ranged {
  readonly length: number
  readonly etag: string
  readonly modifiedAt: number
}

/**
 * `x-ms-range` before Range; `bytes=<first>-[<last>]`. What is of another form is ignored, as the service does. An empty blob has no
 * range: clients that read in ranges expect the refusal, and then read it whole.
 *
 * @returns null when the whole blob is to be sent
 * @throws BlobFault `range-invalid` for one that begins behind the end
 */
export function rangeOf(head: RequestHead, blob: Ranged): Span | null {
  const header = head.headers.get('x-ms-range') ?? head.headers.get('range')
  const found = /^bytes=(\d+)-(\d*)$/.exec(header?.trim() ?? '')
  if (found === null || !isStill(head, blob)) return null
  const size = blob.length
  const start = Number(found[1])
  const end = found[2] === '' ? size : Math.min(size, Number(found[2]) + 1)
  if (start >= size || end <= start) throw new BlobFault('range-invalid', { size })
  return { start, end }
}

/** RFC 9110 section 13.1.5: a part is only of use to whoever has the rest of the same blob. */
function isStill({ headers }: RequestHead, { etag, modifiedAt }: Ranged): boolean {
  const sent = headers.get('if-range')?.trim()
  return sent === undefined || sent === quoted(etag) || sent === etag || sent === httpDate(modifiedAt)
}
