import type { IncomingMessage } from 'node:http'
import type { ForeignContent } from '../blob/copy-source.ts'
import type { Span } from '../blob/extent-map.ts'
import { BlobFault } from '../blob/faults.ts'
import type { BlobHeaders, BlobType, Metadata } from '../blob/model.ts'

/** Whether an answer is what was asked for: all, or that range. */
export function isWanted({ statusCode, headers }: IncomingMessage, range: Span | null): boolean {
  if (range === null) return statusCode === 200
  if (statusCode === 200) return range.start === 0 && Number(headers['content-length']) <= range.end
  const from = /^bytes (\d+)-/.exec(headers['content-range'] ?? '')?.[1]
  return statusCode === 206 && from !== undefined && Number(from) === range.start
}

/** @throws BlobFault `copy-source-unreachable` when its length is not told */
export function contentOf(response: IncomingMessage, range: Span | null): ForeignContent {
  const { headers } = response
  const sent = headers['content-length'] ?? ''
  if (!/^\d{1,15}$/.test(sent)) {
    response.destroy()
    throw new BlobFault('copy-source-unreachable', { reason: 'The source does not tell its length.' })
  }
  const whole = /\/(\d{1,15})$/.exec(headers['content-range'] ?? '')?.[1]
  const length = Number(range === null ? sent : (whole ?? sent))
  return {
    doc: { type: typeOf(headers['x-ms-blob-type'], length), length, headers: blobHeadersOf(response) },
    etag: (headers.etag ?? '').replace(/^"(.*)"$/, '$1'),
    metadata: metadataOf(response),
    read: (signal) => bytesOf(response, Number(sent), signal),
    close: () => void response.destroy(),
  }
}

async function* bytesOf(
  response: IncomingMessage,
  length: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const stop = () => void response.destroy()
  signal.addEventListener('abort', stop, { once: true })
  let read = 0
  try {
    signal.throwIfAborted()
    for await (const chunk of response as AsyncIterable<Buffer>) {
      read += chunk.length
      yield chunk
    }
  } catch (error) {
    if (signal.aborted) throw error
    throw new BlobFault('copy-source-unreachable', { reason: 'The source broke off.' }, { cause: error })
  } finally {
    signal.removeEventListener('abort', stop)
    response.destroy()
  }
  signal.throwIfAborted()
  if (read !== length) throw new BlobFault('copy-source-unreachable', { reason: 'The source broke off.' })
}

const PAGE_BYTES = 512

function typeOf(value: string | readonly string[] | undefined, length: number): BlobType {
  if (value === 'PageBlob' && length % PAGE_BYTES === 0) return 'PageBlob'
  return value === 'AppendBlob' ? 'AppendBlob' : 'BlockBlob'
}

function blobHeadersOf({ headers }: IncomingMessage): BlobHeaders {
  const given = {
    contentType: headers['content-type'],
    contentEncoding: headers['content-encoding'],
    contentLanguage: headers['content-language'],
    contentDisposition: headers['content-disposition'],
    cacheControl: headers['cache-control'],
    contentMd5: md5Of(headers['content-md5']),
  }
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
}

function md5Of(value: string | readonly string[] | undefined): string | undefined {
  return typeof value === 'string' && Buffer.from(value, 'base64').length === 16 ? value : undefined
}

const MAX_METADATA_BYTES = 8 * 1024

/** Names keep the letter case in which that server sends them. What no blob may have is left out. */
function metadataOf({ rawHeaders }: IncomingMessage): Metadata {
  const found = new Map<string, string>()
  let bytes = 0
  for (let index = 0; index + 1 < rawHeaders.length; index += 2) {
    const name = /^x-ms-meta-([A-Za-z_]\w*)$/i.exec(rawHeaders[index] ?? '')?.[1]
    const value = rawHeaders[index + 1] ?? ''
    if (name === undefined || bytes + name.length + value.length > MAX_METADATA_BYTES) continue
    bytes += name.length + value.length
    found.set(name, value)
  }
  return Object.fromEntries(found)
}
