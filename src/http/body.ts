import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Bytes, collect } from '../kernel/bytes.ts'
import type { Json } from '../kernel/json.ts'
import { HttpFault } from './faults.ts'
import type { Body, BodyRule } from './operation.ts'

/** How slow a client may be before it is cut off. */
export interface BodyPace {
  /** Without a single byte. */
  readonly idleMs: number
  /** After this grace, the mean rate counts. */
  readonly graceMs: number
  readonly minBytesPerSecond: number
}

const none: Bytes = {
  [Symbol.asyncIterator]: () => ({ next: () => Promise.resolve({ done: true as const, value: undefined }) }),
}
const noForm = new URLSearchParams()
const noBytes = Buffer.alloc(0)

/** Takes a body in by its rule. Limits come first: an announced length beyond it is refused unread. */
export async function takeBody(
  { request, response }: { readonly request: IncomingMessage; readonly response: ServerResponse },
  rule: BodyRule,
  pace: BodyPace,
): Promise<Body> {
  const length = announcedLength(request)
  const empty: Body = { json: undefined, form: noForm, raw: noBytes, stream: none, length }
  if (rule.kind === 'none') return empty
  if (length !== null && length > rule.maxBytes)
    throw new HttpFault('body-too-large', { maxBytes: rule.maxBytes })
  const stream = limited({ request, response }, rule.maxBytes, pace)
  if (rule.kind === 'stream') return { ...empty, stream }
  const raw = await collect(stream)
  if (rule.kind === 'raw') return { ...empty, raw }
  if (rule.kind === 'form') return { ...empty, form: new URLSearchParams(raw.toString('utf8')) }
  return { ...empty, json: parseJson(raw) }
}

function announcedLength(request: IncomingMessage): number | null {
  const text = request.headers['content-length']
  return text === undefined ? null : Number(text)
}

/** @throws HttpFault `body-malformed` */
export function parseJson(raw: Buffer): Json | undefined {
  if (raw.length === 0) return undefined
  try {
    return JSON.parse(utf8.decode(raw)) as Json
  } catch {
    // The parser's message repeats the input, which may hold a secret.
    throw new HttpFault('body-malformed', { reason: 'the body is not valid JSON in UTF-8' })
  }
}
const utf8 = new TextDecoder('utf-8', { fatal: true })

async function* limited(
  { request, response }: { readonly request: IncomingMessage; readonly response: ServerResponse },
  maxBytes: number,
  pace: BodyPace,
): AsyncGenerator<Uint8Array> {
  if (request.headers.expect?.toLowerCase() === '100-continue') response.writeContinue()
  let received = 0
  const watch = watchPace(
    pace,
    () => received,
    (fault) => request.destroy(fault),
  )
  // Breaking off must not destroy the socket: the refusal still has to be written to it.
  const chunks = request.iterator({ destroyOnReturn: false })
  try {
    for (;;) {
      watch.waiting()
      const next = (await chunks.next()) as IteratorResult<Buffer, undefined>
      watch.arrived()
      if (next.done === true) break
      received += next.value.length
      if (received > maxBytes) throw new HttpFault('body-too-large', { maxBytes })
      yield next.value
    }
    if (!request.complete) throw new HttpFault('body-aborted', {})
  } catch (error) {
    if (error instanceof HttpFault) throw error
    // Node reports a client that went away as ECONNRESET or "aborted": for us one thing.
    throw new HttpFault('body-aborted', {}, { cause: error })
  } finally {
    watch.stop()
  }
}

/** Counts only the time that we waited for the client: a slow disk of ours is not the client's fault. */
function watchPace(pace: BodyPace, received: () => number, cutOff: (fault: HttpFault) => void) {
  let waitingSince: number | null = null
  let waitedMs = 0
  const timer = setInterval(
    () => {
      if (waitingSince === null) return
      const idleMs = performance.now() - waitingSince
      const totalMs = waitedMs + idleMs
      const isSlow = totalMs > pace.graceMs && (received() * 1000) / totalMs < pace.minBytesPerSecond
      if (idleMs > pace.idleMs || isSlow) cutOff(new HttpFault('body-too-slow', {}))
    },
    Math.min(pace.idleMs, pace.graceMs) / 4,
  )
  timer.unref()
  return {
    waiting() {
      waitingSince = performance.now()
    },
    arrived() {
      if (waitingSince !== null) waitedMs += performance.now() - waitingSince
      waitingSince = null
    },
    stop() {
      clearInterval(timer)
    },
  }
}
