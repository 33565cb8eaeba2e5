import type { Call, RequestHead } from '../../http/operation.ts'
import type { Bytes } from '../../kernel/bytes.ts'
import { atMost } from '../../services/blob/at-most.ts'
import type { WantedChecksum } from '../../services/blob/checksum.ts'
import { BlobFault } from '../../services/blob/faults.ts'
import { STRUCTURED_BODY, structuredContent } from '../shared/structured-body.ts'
import { headerOf, numberOf } from './numbers.ts'
import { checksumOf } from './request.ts'

const form = 'x-ms-structured-body'
const contentLength = 'x-ms-structured-content-length'

/** What a request puts: its body, or what is in a structured body. */
export interface Content {
  /** Throws HttpFault, BlobFault `body-too-large`; StructuredBodyFault. */
  readonly stream: Bytes
  /** Null: not announced. */
  readonly length: number | null
  readonly checksum: WantedChecksum
  /** For the answer. */
  readonly headers: Readonly<Record<string, string>>
}

/** @throws BlobFault `length-missing`, `body-too-large`, `header-missing`, `header-invalid`, `md5-invalid` */
export function contentOf({ head, body }: Pick<Call<unknown>, 'head' | 'body'>, maxBytes: number): Content {
  const checksum = checksumOf(head)
  if (isStructured(head)) {
    const length = numberOf(head, contentLength)
    if (length === null) throw new BlobFault('header-missing', { name: contentLength })
    if (body.length === null) throw new BlobFault('length-missing', {})
    if (length > maxBytes) throw new BlobFault('body-too-large', { maxBytes })
    if (checksum.md5 !== null || checksum.crc64 !== null) throw hasOtherChecksum()
    const stream = structuredContent(body.stream, { body: body.length, content: length })
    return { stream, length, checksum, headers: { [form]: STRUCTURED_BODY } }
  }
  if (head.headers.has(contentLength)) throw new BlobFault('header-missing', { name: form })
  if (body.length === null) {
    if (!head.headers.has('transfer-encoding')) throw new BlobFault('length-missing', {})
    return { stream: atMost(body.stream, maxBytes, 'body-too-large'), length: null, checksum, headers: {} }
  }
  if (body.length > maxBytes) throw new BlobFault('body-too-large', { maxBytes })
  return { stream: body.stream, length: body.length, checksum, headers: {} }
}

/** A content whose length is announced. @throws as `contentOf()` */
export function announcedContentOf(call: Pick<Call<unknown>, 'head' | 'body'>, maxBytes: number): Content {
  const content = contentOf(call, maxBytes)
  if (content.length === null) throw new BlobFault('length-missing', {})
  return content
}

/** Whether the client sends, or wants, a structured body. @throws BlobFault `header-invalid` */
export function isStructured(head: RequestHead): boolean {
  const value = headerOf(head, form)
  if (value === null) return false
  if (value.replaceAll(' ', '').toLowerCase() === STRUCTURED_BODY.replaceAll(' ', '').toLowerCase())
    return true
  const reason = `The one form there is: ${STRUCTURED_BODY}.`
  throw new BlobFault('header-invalid', { name: form, value, reason })
}

/** Of an answer with a structured body. */
export function structuredHeaders(length: number): Readonly<Record<string, string>> {
  return { [form]: STRUCTURED_BODY, [contentLength]: String(length) }
}

/** Of what, the body or what is in it? */
export function hasOtherChecksum(): BlobFault {
  const reason = 'A structured body has its own checksums: no other goes with it.'
  return new BlobFault('header-invalid', { name: form, value: STRUCTURED_BODY, reason })
}
