import type { RequestHead } from '../../http/operation.ts'
import { BlobFault } from '../../services/blob/faults.ts'
import type { Span } from '../../services/blob/extent-map.ts'

/**
 * `x-ms-range` before Range; `bytes=<first>-[<last>]`. What is of another form is ignored, as the service does.
 *
 * @returns null when the whole blob is to be sent
 * @throws BlobFault `range-invalid` for one that begins behind the end
 */
export function rangeOf({ headers }: RequestHead, size: number): Span | null {
  const header = headers.get('x-ms-range') ?? headers.get('range')
  const found = /^bytes=(\d{1,16})-(\d{0,16})$/.exec(header?.trim() ?? '')
  if (found === null) return null
  const start = Number(found[1])
  const end = found[2] === '' ? size : Math.min(size, Number(found[2]) + 1)
  if (start >= size || end <= start) {
    // A range of an empty blob from its beginning is the whole of it for clients that read in ranges.
    throw new BlobFault('range-invalid', { size })
  }
  return { start, end }
}
