import type { ServerResponse } from 'node:http'
import { once } from 'node:events'
import type { Reply } from './operation.ts'

/**
 * Writes a reply. Every answer has a Content-Length unless its stream's length is unknown; HEAD, 204 and 304 have no body.
 * Rejects when a stream breaks: the caller then destroys the connection, so that no client takes it for a whole one.
 */
export async function writeReply(
  response: ServerResponse,
  reply: Reply,
  {
    headers,
    isHead,
    signal,
  }: {
    readonly headers: Readonly<Record<string, string>>
    readonly isHead: boolean
    readonly signal: AbortSignal
  },
): Promise<void> {
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  for (const [name, value] of Object.entries(reply.headers ?? {})) {
    response.setHeader(name, typeof value === 'string' ? value : [...value])
  }
  response.statusCode = reply.status
  const { body } = reply
  if (reply.status === 204 || reply.status === 304) {
    response.end()
    return
  }
  if (body instanceof Uint8Array || body === undefined) {
    endWith(response, body ?? noBytes, isHead)
    return
  }
  if (isStream(body)) {
    if (body.length !== undefined) response.setHeader('Content-Length', body.length)
    if (isHead) response.end()
    else await pump(response, body, signal)
    return
  }
  if (!response.hasHeader('Content-Type'))
    response.setHeader('Content-Type', 'application/json; charset=utf-8')
  endWith(response, Buffer.from(JSON.stringify(body)), isHead)
}

const noBytes = Buffer.alloc(0)

function endWith(response: ServerResponse, bytes: Uint8Array, isHead: boolean): void {
  // A handler of HEAD may have said the length of what GET would give.
  if (!(isHead && response.hasHeader('Content-Length'))) response.setHeader('Content-Length', bytes.length)
  response.end(isHead ? undefined : bytes)
}

type StreamBody = Extract<Reply['body'], { readonly stream: unknown }>

function isStream(body: Exclude<Reply['body'], Uint8Array | undefined>): body is StreamBody {
  return typeof body === 'object' && body !== null && 'stream' in body && typeof body.stream === 'object'
}

async function pump(response: ServerResponse, body: StreamBody, signal: AbortSignal): Promise<void> {
  let written = 0
  for await (const chunk of body.stream) {
    written += chunk.length
    if (!response.write(chunk)) await once(response, 'drain', { signal })
  }
  if (body.length !== undefined && written !== body.length) {
    throw new Error(`a stream of ${body.length} bytes ended after ${written}`)
  }
  response.end()
}
