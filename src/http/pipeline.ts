import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { Fault, Outage } from '../kernel/fault.ts'
import { begun } from './begun.ts'
import { takeBody } from './body.ts'
import { HttpFault } from './faults.ts'
import type { AnyProtocol, HostTable } from './hosts.ts'
import { type Matcher, compileOperations } from './match.ts'
import type { Method, Reply, RequestHead } from './operation.ts'
import type { BodyPace } from './pace.ts'
import { decodePath } from './path.ts'
import { type Place, addressOf, joinedHeaders, locate } from './place.ts'
import { discard, writeReply } from './reply.ts'
import { type Traffic, trafficMeter } from './traffic.ts'
import { type Unread, drainUnread } from './unread.ts'

/** What the pipeline tells of each request, for logs and metrics. Never a query, a header or a body. */
export interface RequestRecord {
  readonly requestId: string
  readonly protocol: string
  readonly operation: string
  readonly subject: string
  readonly method: string
  readonly path: string
  /** 0 when the client left before an answer began. */
  readonly status: number
  /** Whether the answer was handed over to its end; false when either side broke off. */
  readonly isWhole: boolean
  readonly durationMs: number
  readonly remoteAddress: string
  readonly bytesReceived: number
  readonly bytesSent: number
}

export interface PipelineDeps {
  readonly hosts: HostTable
  readonly pace: BodyPace
  /** Makes a request id: a GUID. */
  readonly newRequestId: () => string
  readonly observe: {
    finished(record: RequestRecord): void
    /** Something we did not foresee: logged with its cause, never told to the client. */
    bug(error: unknown, requestId: string): void
  }
}

const methods: ReadonlySet<string> = new Set<Method>([
  'GET',
  'HEAD',
  'PUT',
  'POST',
  'PATCH',
  'DELETE',
  'OPTIONS',
])

interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly requestId: string
  readonly startedAt: number
  readonly label: { protocol: string; operation: string; subject: string }
  readonly signal: AbortSignal
}

/** The one request handler: host, path, match, admit, body, run, write. */
export function pipeline(deps: PipelineDeps): (request: IncomingMessage, response: ServerResponse) => void {
  const matcherOf = matcherCache()
  const traffic = trafficMeter()
  return (request, response) => {
    const exchange = begin(deps, { request, response, traffic })
    answer(deps, matcherOf, exchange).catch((error: unknown) => {
      if (!isForeseen(error, exchange.signal)) deps.observe.bug(error, exchange.requestId)
      breakOff(exchange)
    })
  }
}

type MatcherOf = (protocol: AnyProtocol) => Matcher<unknown, unknown>

function matcherCache(): MatcherOf {
  const matchers = new Map<AnyProtocol, Matcher<unknown, unknown>>()
  return (protocol) => {
    const known = matchers.get(protocol)
    if (known) return known
    const made = compileOperations(protocol)
    matchers.set(protocol, made)
    return made
  }
}

function begin(
  { newRequestId, observe }: PipelineDeps,
  {
    request,
    response,
    traffic,
  }: {
    readonly request: IncomingMessage
    readonly response: ServerResponse
    readonly traffic: (socket: Socket) => Traffic
  },
): Exchange {
  const startedAt = performance.now()
  const requestId = newRequestId()
  const label = { protocol: 'none', operation: 'none', subject: '' }
  const abort = new AbortController()
  const { socket } = request
  const remoteAddress = addressOf(request)
  response.once('close', () => {
    if (!response.writableFinished) abort.abort(new HttpFault('body-aborted', {}))
    observe.finished({
      requestId,
      ...label,
      method: request.method ?? '',
      path: (request.url ?? '').split('?', 1)[0] ?? '',
      status: response.headersSent ? response.statusCode : 0,
      isWhole: response.writableFinished,
      durationMs: performance.now() - startedAt,
      remoteAddress,
      ...traffic(socket),
    })
  })
  return { request, response, requestId, startedAt, label, signal: abort.signal }
}

async function answer(deps: PipelineDeps, matcherOf: MatcherOf, exchange: Exchange): Promise<void> {
  const { request, requestId, label } = exchange
  const place = locate(request)
  const found = place === null ? null : deps.hosts.find(place.hostname)
  if (place === null || found === null) {
    const reply = place === null ? badHost : unknownHost
    return finish(exchange, reply, { 'x-ms-request-id': requestId })
  }
  const { protocol } = found
  const head = headOf(exchange, place, found.subject)
  label.protocol = protocol.name
  label.subject = head.subject
  const reply = await replyTo(deps, matcherOf(protocol), protocol, { head, exchange })
  return finish(exchange, reply, protocol.headers(head))
}

async function replyTo(
  deps: PipelineDeps,
  matcher: Matcher<unknown, unknown>,
  protocol: AnyProtocol,
  { head, exchange }: { readonly head: { path: string } & RequestHead; readonly exchange: Exchange },
): Promise<Reply> {
  const { request, response, label, signal, requestId } = exchange
  try {
    if (!methods.has(head.method)) throw new HttpFault('method-not-allowed', { allowed: [...methods] })
    head.path = decodePath(head.path, protocol.keepsPaths)
    const matched = matcher.match(head)
    label.operation = matched?.operation.id ?? 'none'
    const caller = await protocol.admit(head, matched)
    if (matched === null) throw new HttpFault('operation-unknown', {})
    const body = await takeBody({ request, response }, matched.operation.body, deps.pace)
    const reply = await matched.operation.run({ head, params: matched.params, caller, body, signal })
    return head.method === 'HEAD' ? reply : await begun(reply)
  } catch (error) {
    const reply = protocol.fail(error, head)
    if (reply.status >= 500 && !isForeseen(error, signal)) deps.observe.bug(error, requestId)
    return isNotAllowed(error) ? withAllow(reply, error.facts.allowed) : reply
  }
}

function headOf(exchange: Exchange, place: Place, subject: string | null): { path: string } & RequestHead {
  const { target, authority } = place
  const { request, requestId, startedAt } = exchange
  const split = target.indexOf('?')
  const path = split < 0 ? target : target.slice(0, split)
  const [, first = '', rest = ''] = /^\/([^/]*)(.*)$/s.exec(path) ?? []
  return {
    method: request.method as Method,
    // Not decoded yet: a path that does not decode is refused in the protocol's own words.
    path: subject === null ? rest || '/' : path,
    query: new URLSearchParams(split < 0 ? '' : target.slice(split)),
    target,
    headers: joinedHeaders(request),
    rawHeaders: request.rawHeaders,
    authority,
    subject: subject ?? first,
    remoteAddress: addressOf(request),
    tlsVersion: request.socket instanceof TLSSocket ? request.socket.getProtocol() : null,
    requestId,
    startedAt,
  }
}

async function finish(
  exchange: Exchange,
  reply: Reply,
  headers: Readonly<Record<string, string>>,
): Promise<void> {
  const { request, response, signal } = exchange
  if (signal.aborted || response.destroyed) return discard(reply)
  const unread = drainUnread(request)
  if (unread?.keepsConnection === false) response.setHeader('Connection', 'close')
  await writeReply(response, reply, {
    headers,
    isHead: request.method === 'HEAD',
    signal,
    ...(unread === null ? {} : { beforeEnd: () => closeUnlessDrained(exchange, unread) }),
  })
}

async function closeUnlessDrained({ request, response }: Exchange, unread: Unread): Promise<void> {
  if (await unread.drained) return
  response.once('finish', () => request.socket.destroySoon())
}

/**
 * Whatever went wrong while an answer was written: one that has begun ends without a clean end, so that nobody takes the
 * part for the whole; of one that has not, the client learns no more than that it failed.
 */
function breakOff({ response, requestId }: Exchange): void {
  if (response.headersSent || response.destroyed) {
    response.destroy()
    return
  }
  for (const name of response.getHeaderNames()) response.removeHeader(name)
  response.writeHead(500, { 'x-ms-request-id': requestId, 'Content-Length': 0, Connection: 'close' })
  response.end()
}

/** A refusal, an outage, or the echo of a client that left: anything else is a bug of ours. */
function isForeseen(error: unknown, signal: AbortSignal): boolean {
  if (error instanceof Fault || error instanceof Outage) return true
  return signal.aborted && error instanceof Error && error.name === 'AbortError'
}

function isNotAllowed(error: unknown): error is HttpFault<'method-not-allowed'> {
  return error instanceof HttpFault && error.code === 'method-not-allowed'
}

/** RFC 9110 section 15.5.6: a 405 names what is allowed. */
function withAllow(reply: Reply, allowed: readonly string[]): Reply {
  return { ...reply, headers: { allow: allowed.join(', '), ...reply.headers } }
}

const badHost: Reply = {
  status: 400,
  body: { error: { code: 'BadRequest', message: 'The request must name exactly one valid host.' } },
}
const unknownHost: Reply = {
  status: 404,
  body: { error: { code: 'HostNotFound', message: 'No service of this installation has that host name.' } },
}
