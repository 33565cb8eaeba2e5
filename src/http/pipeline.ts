import type { IncomingMessage, ServerResponse } from 'node:http'
import { type BodyPace, takeBody } from './body.ts'
import { HttpFault } from './faults.ts'
import { type AnyProtocol, type HostTable, parseAuthority } from './hosts.ts'
import { type Matcher, compileOperations } from './match.ts'
import type { Method, Reply } from './operation.ts'
import { decodePath } from './path.ts'
import { writeReply } from './reply.ts'

/** What the pipeline tells of each request, for logs and metrics. Never a query, a header or a body. */
export interface RequestRecord {
  readonly requestId: string
  readonly protocol: string
  readonly operation: string
  readonly subject: string
  readonly method: string
  readonly path: string
  readonly status: number
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

/** The one request handler: host, path, match, admit, body, run, write. */
export function pipeline(deps: PipelineDeps): (request: IncomingMessage, response: ServerResponse) => void {
  const matchers = new Map<AnyProtocol, Matcher<unknown, unknown>>()
  const matcherOf = (protocol: AnyProtocol) => {
    const known = matchers.get(protocol)
    if (known) return known
    const made = compileOperations(protocol)
    matchers.set(protocol, made)
    return made
  }

  return (request, response) => {
    const startedAt = performance.now()
    const requestId = deps.newRequestId()
    const label = { protocol: 'none', operation: 'none', subject: '' }
    const abort = new AbortController()
    const leave = () => abort.abort(new HttpFault('body-aborted', {}))
    const before = { received: request.socket.bytesRead, sent: request.socket.bytesWritten }
    response.once('close', () => {
      if (!response.writableFinished) leave()
      deps.observe.finished({
        requestId,
        ...label,
        method: request.method ?? '',
        path: (request.url ?? '').split('?', 1)[0] ?? '',
        status: response.headersSent ? response.statusCode : 0,
        durationMs: performance.now() - startedAt,
        remoteAddress: addressOf(request),
        bytesReceived: request.socket.bytesRead - before.received,
        bytesSent: request.socket.bytesWritten - before.sent,
      })
    })
    answer({ request, response, requestId, startedAt, label, signal: abort.signal }).catch(
      (error: unknown) => {
        // A broken stream: the connection ends without a clean end, so that nobody takes the part for the whole.
        if (!abort.signal.aborted && !(error instanceof HttpFault)) deps.observe.bug(error, requestId)
        response.destroy()
      },
    )
  }

  async function answer(exchange: Exchange): Promise<void> {
    const { request, response, requestId, startedAt, label, signal } = exchange
    const place = locate(request)
    const found = place === null ? null : deps.hosts.find(place.hostname)
    if (place === null || found === null) {
      const reply = place === null ? badHost : unknownHost
      return finish(exchange, reply, { 'x-ms-request-id': requestId })
    }
    const { protocol, subject } = found
    label.protocol = protocol.name
    label.subject = subject
    const split = place.target.indexOf('?')
    const rawPath = split < 0 ? place.target : place.target.slice(0, split)
    const head = {
      method: request.method as Method,
      path: rawPath,
      query: new URLSearchParams(split < 0 ? '' : place.target.slice(split)),
      target: place.target,
      headers: joinedHeaders(request),
      authority: place.authority,
      subject,
      remoteAddress: addressOf(request),
      requestId,
      startedAt,
    }
    let reply: Reply
    try {
      if (!methods.has(head.method)) throw new HttpFault('method-not-allowed', { allowed: [...methods] })
      head.path = decodePath(rawPath)
      const matched = matcherOf(protocol).match(head)
      label.operation = matched?.operation.id ?? 'none'
      const caller = await protocol.admit(head, matched)
      if (matched === null) throw new HttpFault('operation-unknown', {})
      const body = await takeBody({ request, response }, matched.operation.body, deps.pace)
      reply = await matched.operation.run({ head, params: matched.params, caller, body, signal })
    } catch (error) {
      reply = protocol.fail(error, head)
      if (reply.status >= 500 && reply.status !== 503) deps.observe.bug(error, requestId)
    }
    return finish(exchange, reply, protocol.headers(head))
  }

  async function finish(
    { request, response, signal }: Exchange,
    reply: Reply,
    headers: Readonly<Record<string, string>>,
  ): Promise<void> {
    if (signal.aborted || response.destroyed) return
    if (!request.complete) leaveUnread(request, response)
    await writeReply(response, reply, { headers, isHead: request.method === 'HEAD', signal })
  }
}

interface Exchange {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly requestId: string
  readonly startedAt: number
  readonly label: { protocol: string; operation: string; subject: string }
  readonly signal: AbortSignal
}

const badHost: Reply = {
  status: 400,
  body: { error: { code: 'BadRequest', message: 'The request must name exactly one valid Host.' } },
}
const unknownHost: Reply = {
  status: 404,
  body: { error: { code: 'HostNotFound', message: 'No service of this installation has that host name.' } },
}

const MAX_DRAIN_BYTES = 1024 * 1024

/** An answer before the body's end: a little is read away, so that the client sees the answer; then the connection closes. */
function leaveUnread(request: IncomingMessage, response: ServerResponse): void {
  response.setHeader('Connection', 'close')
  let drained = 0
  request.on('data', (chunk: Buffer) => {
    drained += chunk.length
    if (drained > MAX_DRAIN_BYTES) request.destroy()
  })
  request.on('error', () => {
    // The client went away while we read its rest; the answer was written already.
  })
}

/** Authority and target. An absolute-form target overrides the Host; none or two Hosts are refused (RFC 9112 section 3.2). */
function locate(request: IncomingMessage): { hostname: string; authority: string; target: string } | null {
  const hosts = request.rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === 'host')
  if (hosts.length !== 1) return null
  const url = request.url ?? '/'
  const absolute = /^https?:\/\/([^/?#]*)(.*)$/i.exec(url)
  const parsed = parseAuthority(absolute?.[1] ?? request.headers.host ?? '')
  if (parsed === null) return null
  const target = absolute === null ? url : (absolute[2] ?? '')
  return { ...parsed, target: target.startsWith('/') ? target : `/${target}` }
}

function joinedHeaders(request: IncomingMessage): ReadonlyMap<string, string> {
  const joined = new Map<string, string>()
  const raw = request.rawHeaders
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = (raw[index] ?? '').toLowerCase()
    const value = raw[index + 1] ?? ''
    const before = joined.get(name)
    joined.set(name, before === undefined ? value : `${before}, ${value}`)
  }
  return joined
}

function addressOf(request: IncomingMessage): string {
  return (request.socket.remoteAddress ?? '').replace(/^::ffff:/i, '')
}
