import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import { Agent, request as startRequest } from 'node:https'
import { Outage } from '../../kernel/fault.ts'
import { KIB } from '../../kernel/units.ts'

export interface HttpsRequest {
  readonly method: 'GET' | 'POST'
  /** https only. */
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
}

export interface HttpsAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** Of the reader, who may overwrite it. */
  readonly body: Buffer
}

/**
 * Talks to another server: over TLS with its certificate checked, for as long as the signal lets, and without following it
 * anywhere else. A redirect is an answer like any other.
 */
export interface HttpsClient extends Disposable {
  /** @throws Outage when there is no whole answer: unreachable, untrusted, too slow or too long */
  send(request: HttpsRequest, signal: AbortSignal): Promise<HttpsAnswer>
}

/** More than any answer that is read here: a key of 4096 bits is told in 3 KB. */
const MAX_BODY_BYTES = 64 * KIB
const MAX_HEADER_BYTES = 16 * KIB
const MAX_SOCKETS = 32

/** @param ca PEM certificates that alone are trusted; null: the public ones that Node brings */
export function httpsClient(ca: string | null): HttpsClient {
  const agent = new Agent({
    keepAlive: true,
    maxSockets: MAX_SOCKETS,
    minVersion: 'TLSv1.2',
    // Said, so that NODE_TLS_REJECT_UNAUTHORIZED does not unsay it.
    rejectUnauthorized: true,
    ...(ca === null ? {} : { ca }),
  })
  return {
    async send(request, signal) {
      try {
        return await attempt(agent, request, signal).catch((error: unknown) => {
          // The server had closed the connection before it could see the request: that says nothing of it.
          if (error instanceof StaleConnection && !signal.aborted) return attempt(agent, request, signal)
          throw error
        })
      } catch (error) {
        throw asOutage(error, request.url, signal)
      }
    },
    [Symbol.dispose]: () => agent.destroy(),
  }
}

class StaleConnection extends Error {
  override readonly name = 'StaleConnection'
}

async function attempt(
  agent: Agent,
  { method, url, headers, body }: HttpsRequest,
  signal: AbortSignal,
): Promise<HttpsAnswer> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) }
  const options = {
    method,
    agent,
    signal,
    maxHeaderSize: MAX_HEADER_BYTES,
    headers: { ...headers, ...length },
  }
  const sending = startRequest(url, options, resolve)
  sending.on('error', (error) => {
    const isStale = sending.reusedSocket && closings.has(codeOf(error))
    reject(isStale ? new StaleConnection('the connection was closed', { cause: error }) : error)
  })
  sending.end(body)
  const response = await promise
  return { status: response.statusCode ?? 0, headers: response.headers, body: await bodyOf(response) }
}

const closings: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE'])

async function bodyOf(response: AsyncIterable<Buffer>): Promise<Buffer> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of response) {
    bytes += chunk.length
    // Leaving the loop destroys the connection.
    if (bytes > MAX_BODY_BYTES) throw new Error(`the answer has more than ${MAX_BODY_BYTES} bytes`)
    chunks.push(chunk)
  }
  const whole = Buffer.concat(chunks)
  // It may hold an unwrapped key.
  for (const chunk of chunks) chunk.fill(0)
  return whole
}

function asOutage(error: unknown, { origin }: URL, signal: AbortSignal): Outage {
  if (signal.aborted)
    return new Outage('another server did not answer in time', {
      cause: error,
      detail: `${origin} did not answer in time.`,
    })
  const code = codeOf(error)
  const detail = isDistrust(code)
    ? `The certificate of ${origin} is not trusted (${code}): it must be valid, for that name, and from the CA that the operator named for it.`
    : `${origin} cannot be reached${code === '' ? '' : ` (${code})`}.`
  return new Outage('another server cannot be reached', { cause: error, detail })
}

/** OpenSSL's verdicts on a chain, as Node names them, and a name that is not in the certificate. */
function isDistrust(code: string): boolean {
  return /^(CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|INVALID_|HOSTNAME_MISMATCH|PATH_LENGTH_|ERROR_IN_CERT_|ERR_TLS_CERT_)/.test(
    code,
  )
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : ''
}
