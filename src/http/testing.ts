import {
  type Agent,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  request as sendRequest,
} from 'node:http'
import { collect } from '../kernel/bytes.ts'
import type { Json } from '../kernel/json.ts'
import type { BodyPace } from './pace.ts'
import { hostTable } from './hosts.ts'
import { type ListenerLimits, listen } from './listener.ts'
import type { Protocol } from './operation.ts'
import { type RequestRecord, pipeline } from './pipeline.ts'

/** A protocol behind the real pipeline and listener, in plain HTTP on a free loopback port. For tests only. */
export interface ServedProtocol extends AsyncDisposable {
  /** `http://127.0.0.1:PORT`, no slash at the end. */
  readonly url: string
  readonly port: number
  /** What the pipeline called bugs, as they happen: a test of a wire ends by expecting none. */
  readonly bugs: readonly unknown[]
  readonly records: readonly RequestRecord[]
  /** Waits `deadlineMs` (0 when left out) for transfers under way. */
  close(deadlineMs?: number): Promise<void>
}

export interface ServeOptions {
  readonly pace?: Partial<BodyPace>
  readonly limits?: Partial<ListenerLimits>
}

const pace: BodyPace = { idleMs: 5_000, graceMs: 10_000, minBytesPerSecond: 100 }
const limits: ListenerLimits = {
  maxConnections: 1_000,
  maxHeaderBytes: 32 * 1024,
  headersTimeoutMs: 10_000,
  keepAliveMs: 5_000,
  socketIdleMs: 30_000,
}

/**
 * Serves `protocol` for `host`, a rule of `hostTable`: `login.localhost`, `*.vault.localhost`. Request ids count up from
 * `00000000-0000-4000-8000-000000000001`.
 */
export async function serveProtocol<C, N>(
  protocol: Protocol<C, N>,
  host: string | readonly string[],
  options: ServeOptions = {},
): Promise<ServedProtocol> {
  const bugs: unknown[] = []
  const records: RequestRecord[] = []
  let requests = 0
  const handler = pipeline({
    hosts: hostTable([host].flat().map((one) => ({ host: one, protocol }))),
    pace: { ...pace, ...options.pace },
    newRequestId: () => `00000000-0000-4000-8000-${String(++requests).padStart(12, '0')}`,
    observe: { finished: (record) => records.push(record), bug: (error) => bugs.push(error) },
  })
  const listener = await listen(handler, {
    host: '127.0.0.1',
    port: 0,
    tls: null,
    limits: { ...limits, ...options.limits },
  })
  const close = (deadlineMs = 0) => listener.close(deadlineMs)
  return {
    url: `http://127.0.0.1:${listener.port}`,
    port: listener.port,
    bugs,
    records,
    close,
    [Symbol.asyncDispose]: () => close(),
  }
}

export interface TestRequest {
  /** The Host header; `url`'s own when left out. fetch cannot set it. */
  readonly host?: string
  /** GET when left out. */
  readonly method?: string
  readonly headers?: Readonly<Record<string, string | string[]>>
  /** An object is sent as JSON, with its Content-Type unless `headers` has one; a string or bytes as they are. */
  readonly body?: Json | Uint8Array
  /** Keeps its connection for the next request through it; without one each request has its own. */
  readonly agent?: Agent
}

export interface TestResponse {
  readonly status: number
  /** Lower-case names. */
  readonly headers: IncomingHttpHeaders
  readonly body: Buffer
  readonly text: string
  /** @throws SyntaxError when the body is not JSON */
  json(): Json
}

/** Sends one request. The path goes out as it stands in `url`: nothing is normalised, encoded or followed. */
export async function request(url: string, options: TestRequest = {}): Promise<TestResponse> {
  const { body, host } = options
  const isText = typeof body === 'string' || body instanceof Uint8Array
  const sent = body === undefined ? undefined : isText ? body : JSON.stringify(body)
  const headers: OutgoingHttpHeaders = {
    ...(host === undefined ? {} : { host }),
    ...(body === undefined || isText ? {} : { 'content-type': 'application/json' }),
    ...(sent === undefined ? {} : { 'content-length': String(Buffer.byteLength(sent)) }),
    ...options.headers,
  }
  const found = /^http:\/\/([^/:]+):(\d+)(\/.*)?$/.exec(url)
  if (found === null) throw new TypeError(`not an http URL with a port: ${url}`)
  return new Promise((resolve, reject) => {
    const sending = sendRequest(
      {
        hostname: found[1],
        port: found[2],
        path: found[3] ?? '/',
        method: options.method ?? 'GET',
        headers,
        agent: options.agent ?? false,
      },
      (response) => {
        collect(response).then((whole) => {
          const text = whole.toString('utf8')
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            body: whole,
            text,
            json: () => JSON.parse(text) as Json,
          })
        }, reject)
      },
    )
    sending.on('error', reject)
    sending.end(sent)
  })
}
