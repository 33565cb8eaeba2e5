import type { RequestHead } from '../../http/operation.ts'
import { startCrc64 } from '../../kernel/crc64.ts'
import { MIB } from '../../kernel/units.ts'
import { md5Checksum } from '../../services/blob/checksum.ts'
import type { Span } from '../../services/blob/extent-map.ts'
import { BlobFault } from '../../services/blob/faults.ts'

const md5 = 'x-ms-range-get-content-md5'
const crc64 = 'x-ms-range-get-content-crc64'
const MAX_BYTES = 4 * MIB

/**
 * Whether the client wants to be told a checksum of the range: one of the two, of a range of no more than 4 MiB.
 * @throws BlobFault `header-invalid`
 */
export function rangeChecksumOf(head: RequestHead, range: Span | null): 'md5' | 'crc64' | null {
  const wanted = [md5, crc64].filter((name) => head.headers.get(name)?.toLowerCase() === 'true')
  const [name] = wanted
  if (name === undefined) return null
  const invalid = (reason: string) => new BlobFault('header-invalid', { name, value: 'true', reason })
  if (wanted.length > 1) throw invalid('One of MD5 and CRC64.')
  if (range === null) throw invalid('It goes with a range.')
  if (range.end - range.start > MAX_BYTES) throw invalid('The range has more than 4 MiB.')
  return name === md5 ? 'md5' : 'crc64'
}

/** Of `bytes`, in base64. */
export function checksumHeader(kind: 'md5' | 'crc64', bytes: Uint8Array): Readonly<Record<string, string>> {
  if (kind === 'md5') {
    const sum = md5Checksum({ md5: null, crc64: null })
    sum.update(bytes)
    return { 'content-md5': sum.md5() }
  }
  const sum = startCrc64()
  sum.update(bytes)
  return { 'x-ms-content-crc64': sum.digestBase64() }
}
