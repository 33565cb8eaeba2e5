import type { ServerResponse } from 'node:http'
import { free } from '../kernel/bytes.ts'
import { KIB } from '../kernel/units.ts'
import type { Reply, StreamBody } from './operation.ts'
import { readInTurn } from './read-in-turn.ts'

export interface WriteOptions {
  readonly headers: Readonly<Record<string, string>>
  readonly isHead: boolean
  readonly signal: AbortSignal
  /** Waited for when the client has everything, before the response ends. */
  readonly beforeEnd?: () => Promise<void>
}

/**
 * Writes a reply. Every answer has a Content-Length unless its stream's length is unknown; HEAD, 204 and 304 have no body.
 * Rejects when a stream breaks: the caller then destroys the connection, so that no client takes it for a whole one.
 */
export async function writeReply(
  response: ServerResponse,
  reply: Reply,
  options: WriteOptions,
): Promise<void> {
  const { headers, isHead } = options
  for (const [name, value] of Object.entries(headers)) response.setHeader(name, value)
  for (const [name, value] of Object.entries(reply.headers ?? {})) {
    response.setHeader(name, typeof value === 'string' ? value : [...value])
  }
  response.statusCode = reply.status
  const { body } = reply
  const hasNoBody = isHead || reply.status === 204 || reply.status === 304
  if (isStream(body)) {
    if (body.length !== undefined && reply.status !== 204) response.setHeader('Content-Length', body.length)
    if (!hasNoBody && body.whole !== undefined) return endWith(response, body.whole, reply, options)
    if (hasNoBody) await discard(reply)
    else await pump(response, body, options.signal)
    return end(response, noBytes, options)
  }
  if (reply.status === 204 || reply.status === 304) return end(response, noBytes, options)
  const bytes = bytesOf(body)
  if (bytes.length > MAX_BUFFERED_BYTES) readInTurn(response)
  if (body !== undefined && !(body instanceof Uint8Array) && !response.hasHeader('Content-Type')) {
    response.setHeader('Content-Type', 'application/json; charset=utf-8')
  }
  // A handler of HEAD may have said the length of what GET would give.
  if (!(isHead && response.hasHeader('Content-Length'))) response.setHeader('Content-Length', bytes.length)
  return endWith(response, isHead ? noBytes : bytes, reply, options)
}

function endWith(
  response: ServerResponse,
  bytes: Uint8Array,
  { status, body }: Reply,
  options: WriteOptions,
): Promise<void> {
  // Left to `end()`, a Content-Disposition beyond ASCII would be damaged: Node decodes its bytes as UTF-8 then.
  response.writeHead(status)
  if (isStream(body)) response.once('finish', () => free(bytes))
  return end(response, bytes, options)
}

/** Lets go of a body that nobody will read. */
export async function discard({ body }: Reply): Promise<void> {
  if (isStream(body)) await body.stream[Symbol.asyncIterator]().return?.()
}

const noBytes = Buffer.alloc(0)

/** So much with its head leaves room in a socket's buffer. */
const MAX_BUFFERED_BYTES = 32 * KIB

function bytesOf(body: Exclude<Reply['body'], StreamBody>): Uint8Array {
  if (body === undefined) return noBytes
  return body instanceof Uint8Array ? body : Buffer.from(JSON.stringify(body))
}

async function end(response: ServerResponse, last: Uint8Array, { beforeEnd }: WriteOptions): Promise<void> {
  if (beforeEnd !== undefined) {
    if (last.length > 0) response.write(last)
    else response.flushHeaders()
    await beforeEnd()
    response.end()
  } else if (last.length > 0) response.end(last)
  else response.end()
}

export function isStream(body: Reply['body']): body is StreamBody {
  if (typeof body !== 'object' || body === null || body instanceof Uint8Array || !('stream' in body))
    return false
  const { stream } = body
  return typeof stream === 'object' && stream !== null && Symbol.asyncIterator in stream
}

async function pump(response: ServerResponse, body: StreamBody, signal: AbortSignal): Promise<void> {
  const { length = Infinity } = body
  if (length > MAX_BUFFERED_BYTES) readInTurn(response)
  const writer = boundedWriter(response, signal)
  let written = 0
  try {
    for await (const chunk of body.stream) {
      written += chunk.length
      // Never a byte beyond the announced length: the client would take it for the next answer.
      if (written > length) throw new Error(`a stream of ${length} bytes went beyond its end`)
      const room = writer.write(chunk)
      if (room !== undefined) await room
    }
  } finally {
    writer.stop()
  }
  if (body.length !== undefined && written !== body.length) {
    throw new Error(`a stream of ${body.length} bytes ended after ${written}`)
  }
}

/** Handed to the socket and not yet with the kernel, at most: two chunks, so that one is ready when the other is gone. */
const MAX_UNSENT_BYTES = 128 * KIB

interface BoundedWriter {
  /** Void while there is room for more. Rejects with the signal's reason. */
  write(chunk: Uint8Array): Promise<void> | undefined
  stop(): void
}

function boundedWriter(response: ServerResponse, signal: AbortSignal): BoundedWriter {
  let unsent = 0
  let waiting: PromiseWithResolvers<void> | null = null
  const onAbort = () => waiting?.reject(signal.reason as Error)
  signal.addEventListener('abort', onAbort)
  return {
    write(chunk) {
      const { length } = chunk
      unsent += length
      response.write(chunk, (error) => {
        // Who goes on after this would go on for ever, and keep the event loop from telling that the client left.
        if (error != null) return
        free(chunk)
        unsent -= length
        if (waiting === null || unsent >= MAX_UNSENT_BYTES) return
        waiting.resolve()
        waiting = null
      })
      if (unsent < MAX_UNSENT_BYTES) return undefined
      signal.throwIfAborted()
      waiting = Promise.withResolvers()
      return waiting.promise
    },
    stop: () => signal.removeEventListener('abort', onAbort),
  }
}
