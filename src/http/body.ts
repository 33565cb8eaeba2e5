import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Bytes, collect } from '../kernel/bytes.ts'
import type { Json } from '../kernel/json.ts'
import { HttpFault } from './faults.ts'
import type { Body, BodyRule } from './operation.ts'
import { type BodyPace, watchPace } from './pace.ts'

interface Received {
  readonly request: IncomingMessage
  readonly response: ServerResponse
}

const none: Bytes = {
  [Symbol.asyncIterator]: () => ({ next: () => Promise.resolve({ done: true as const, value: undefined }) }),
}
const noForm = new URLSearchParams()
const noBytes = Buffer.alloc(0)

/** Takes a body in by its rule. Limits come first: an announced length beyond it is refused unread. */
export async function takeBody(received: Received, rule: BodyRule, pace: BodyPace): Promise<Body> {
  const length = announcedLength(received.request)
  const empty: Body = { json: undefined, form: noForm, raw: noBytes, stream: none, length }
  if (rule.kind === 'none') return empty
  assertCoding(received.request)
  if (length !== null && length > rule.maxBytes)
    throw new HttpFault('body-too-large', { maxBytes: rule.maxBytes })
  const stream = limited(received, rule.maxBytes, pace)
  if (rule.kind === 'stream') return { ...empty, stream }
  const raw = await collect(stream)
  if (rule.kind === 'raw') return { ...empty, raw }
  if (rule.kind === 'form') return { ...empty, form: parseForm(raw) }
  return { ...empty, json: parseJson(raw) }
}

function announcedLength(request: IncomingMessage): number | null {
  const text = request.headers['content-length']
  return text === undefined ? null : Number(text)
}

/** Node undoes `chunked` and hands over what lies below it: that would be stored compressed and read as plain. */
function assertCoding(request: IncomingMessage): void {
  const coding = request.headers['transfer-encoding']
  if (coding === undefined || coding.trim().toLowerCase() === 'chunked') return
  throw new HttpFault('body-malformed', { reason: 'no Transfer-Encoding but chunked is understood' })
}

/** @throws HttpFault `body-malformed` */
export function parseJson(raw: Buffer): Json | undefined {
  if (raw.length === 0) return undefined
  assertDepth(raw)
  try {
    return JSON.parse(decodeUtf8(raw)) as Json
  } catch {
    // The parser's message repeats the input, which may hold a secret.
    throw new HttpFault('body-malformed', { reason: 'the body is not valid JSON in UTF-8' })
  }
}

const MAX_DEPTH = 100
const quote = 0x22
const backslash = 0x5c

/** V8 parses any depth, but most of what walks the value afterwards is recursive, and its stack is not endless. */
function assertDepth(raw: Buffer): void {
  let depth = 0
  let isText = false
  for (let at = 0; at < raw.length; at++) {
    const byte = raw[at]
    if (byte === quote) isText = !isText
    else if (isText) at += byte === backslash ? 1 : 0
    else if (byte === 0x5b || byte === 0x7b) depth++
    else if (byte === 0x5d || byte === 0x7d) depth--
    if (depth > MAX_DEPTH) {
      throw new HttpFault('body-malformed', { reason: `the JSON is nested more than ${MAX_DEPTH} deep` })
    }
  }
}

function parseForm(raw: Buffer): URLSearchParams {
  try {
    return new URLSearchParams(decodeUtf8(raw))
  } catch {
    throw new HttpFault('body-malformed', { reason: 'the form is not UTF-8' })
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** @throws TypeError */
function decodeUtf8(raw: Buffer): string {
  return utf8.decode(raw)
}

/** The body as it comes, until it is whole; the request stays readable when the consumer breaks off. */
async function* limited(
  { request, response }: Received,
  maxBytes: number,
  pace: BodyPace,
): AsyncGenerator<Uint8Array> {
  if (isAsking(request)) response.writeContinue()
  let received = 0
  const watch = watchPace(request, pace, () => received)
  try {
    for (;;) {
      const chunk = request.read() as Buffer | null
      if (chunk === null) {
        if (request.readableEnded) break
        if (request.destroyed) throw new HttpFault('body-aborted', {})
        await watch.more()
        continue
      }
      received += chunk.length
      if (received > maxBytes) throw new HttpFault('body-too-large', { maxBytes })
      yield chunk
    }
  } finally {
    watch.stop()
  }
}

/** RFC 9110 section 10.1.1: the expectation of an HTTP/1.0 request is ignored. */
function isAsking(request: IncomingMessage): boolean {
  return request.httpVersion !== '1.0' && /(^|\W)100-continue(\W|$)/i.test(request.headers.expect ?? '')
}
