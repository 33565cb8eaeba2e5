import { STATUS_CODES } from 'node:http'
import type { Method, Reply } from '../../http/operation.ts'
import { BlobFault } from '../../services/blob/faults.ts'

/** A request within a batch, as it was written. */
export interface BatchedRequest {
  /** Null when the client gave none. */
  readonly contentId: string | null
  readonly method: Method
  /** Path and query. */
  readonly target: string
  /** Names and values in turn. */
  readonly rawHeaders: readonly string[]
}

const MAX_BATCHED = 256

/** @throws BlobFault `header-missing`, `header-invalid` */
export function boundaryOf(contentType: string | undefined): string {
  const name = 'Content-Type'
  if (contentType === undefined) throw new BlobFault('header-missing', { name })
  const [, quoted, plain] =
    /^multipart\/mixed\s*;\s*boundary=(?:"([^"]{1,70})"|([^\s;"]{1,70}))\s*$/i.exec(contentType) ?? []
  const boundary = quoted ?? plain
  if (boundary === undefined) throw new BlobFault('header-invalid', { name, value: contentType })
  return boundary
}

/**
 * Requests of `multipart/mixed` (RFC 2046 section 5.1) whose parts are `application/http`, none with a body.
 * https://learn.microsoft.com/rest/api/storageservices/blob-batch#request-body
 *
 * @throws BlobFault `batch-invalid`
 */
export function readBatch(raw: Uint8Array, boundary: string): readonly BatchedRequest[] {
  // One character a byte: what is not ASCII is refused with the request that it stands in.
  const lines = Buffer.from(raw).toString('latin1').split(/\r?\n/)
  const delimiter = `--${boundary}`
  const end = lines.findIndex((line) => line.trimEnd() === `${delimiter}--`)
  if (end < 0) throw invalid('its last boundary is missing')
  const starts = lines.flatMap((line, index) => (line.trimEnd() === delimiter && index < end ? [index] : []))
  if (starts.length === 0) throw invalid('it holds no request')
  if (starts.length > MAX_BATCHED) throw invalid(`it holds more than ${MAX_BATCHED} requests`)
  return starts.map((start, index) => readPart(lines.slice(start + 1, starts[index + 1] ?? end)))
}

function readPart(lines: readonly string[]): BatchedRequest {
  const blank = lines.indexOf('')
  if (blank < 0) throw invalid('a part has no request')
  const part = readHeaders(lines.slice(0, blank))
  const type = valueOf(part, 'content-type')
  if (type?.toLowerCase() !== 'application/http') throw invalid('a part is not application/http')
  const [first = '', ...rest] = lines.slice(blank + 1)
  const [, method, target] = /^(DELETE|PUT) (\/\S*) HTTP\/1\.1$/.exec(first) ?? []
  if (method === undefined || target === undefined)
    throw invalid('a part has no request line of an operation')
  const after = rest.indexOf('')
  const rawHeaders = readHeaders(after < 0 ? rest : rest.slice(0, after))
  if (after >= 0 && rest.slice(after).some((line) => line !== '')) throw invalid('a request has a body')
  return { contentId: valueOf(part, 'content-id'), method: method as Method, target, rawHeaders }
}

function readHeaders(lines: readonly string[]): readonly string[] {
  return lines.flatMap((line) => {
    const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/.exec(line) ?? []
    if (name === undefined || value === undefined) throw invalid('a line is no header')
    return [name, value]
  })
}

function valueOf(rawHeaders: readonly string[], wanted: string): string | null {
  const at = rawHeaders.findIndex((name, index) => index % 2 === 0 && name.toLowerCase() === wanted)
  return at < 0 ? null : (rawHeaders[at + 1] ?? null)
}

function invalid(reason: string): BlobFault<'batch-invalid'> {
  return new BlobFault('batch-invalid', { reason })
}

export interface BatchedReply {
  readonly contentId: string | null
  readonly reply: Pick<Reply, 'status' | 'headers'> & { readonly body?: Uint8Array }
}

/** https://learn.microsoft.com/rest/api/storageservices/blob-batch#response-body */
export function writeBatch(replies: readonly BatchedReply[], boundary: string): Buffer {
  const parts = replies.flatMap(({ contentId, reply }) => [
    Buffer.from(`${head(contentId, reply, boundary).join('\r\n')}\r\n\r\n`),
    reply.body ?? Buffer.alloc(0),
    Buffer.from('\r\n'),
  ])
  return Buffer.concat([...parts, Buffer.from(`--${boundary}--\r\n`)])
}

function head(
  contentId: string | null,
  { status, headers = {} }: BatchedReply['reply'],
  boundary: string,
): readonly string[] {
  return [
    `--${boundary}`,
    'Content-Type: application/http',
    ...(contentId === null ? [] : [`Content-ID: ${contentId}`]),
    '',
    `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
    ...Object.entries(headers).flatMap(([name, value]) => [value].flat().map((one) => `${name}: ${one}`)),
  ]
}
