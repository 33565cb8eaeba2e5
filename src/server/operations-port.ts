import { type IncomingMessage, type Server, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Metrics } from '../observe/metrics.ts'

/** Whether the customer's key of a resource opens, asked of the vault within the last ten seconds. */
export interface KeyHealth {
  readonly resourceId: string
  readonly keyId: string
  readonly state: 'open' | 'refused' | 'unreachable'
  readonly cause?: string
}

export interface Readiness {
  readonly status: 'ready' | 'degraded' | 'stopping'
  readonly resources: readonly KeyHealth[]
}

export interface OperationsPort {
  readonly port: number
  close(): Promise<void>
}

/**
 * Metrics and health in plain HTTP, on loopback only. `/health/live` says that the process answers; `/health/ready`
 * is 200 while requests are served, keys out of reach named, and 503 once a shutdown has begun.
 */
export async function openOperationsPort(options: {
  readonly port: number
  readonly metrics: Metrics
  readonly readiness: () => Promise<Readiness>
}): Promise<OperationsPort> {
  const server = createServer(
    { requireHostHeader: false, headersTimeout: 5_000, requestTimeout: 5_000 },
    (request, response) => {
      answer(request, options)
        .catch(() => plain(503, 'not available'))
        .then(({ status, type, text }) => {
          response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(text) })
          response.end(request.method === 'HEAD' ? undefined : text)
        })
        .catch(() => response.destroy())
    },
  )
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, '127.0.0.1', () => resolve())
  })
  return { port: (server.address() as AddressInfo).port, close: () => closed(server) }
}

interface Answer {
  readonly status: number
  readonly type: string
  readonly text: string
}

/** A page in a browser on this machine may reach a loopback port under a name of its own (DNS rebinding), but not under these. */
const localHosts = /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/i

async function answer(
  { method, url, headers }: IncomingMessage,
  { metrics, readiness }: { readonly metrics: Metrics; readonly readiness: () => Promise<Readiness> },
): Promise<Answer> {
  if (!localHosts.test(headers.host ?? ''))
    return plain(403, 'this port answers to 127.0.0.1 and localhost only')
  if (method !== 'GET' && method !== 'HEAD') return plain(405, 'GET only')
  switch ((url ?? '').split('?', 1)[0]) {
    case '/metrics':
      return { status: 200, type: metrics.contentType, text: await metrics.text() }
    case '/health/live':
      return json(200, { status: 'live' })
    case '/health/ready': {
      const found = await readiness()
      return json(found.status === 'stopping' ? 503 : 200, found)
    }
    default:
      return plain(404, '/metrics, /health/live, /health/ready')
  }
}

function plain(status: number, text: string): Answer {
  return { status, type: 'text/plain; charset=utf-8', text: `${text}\n` }
}

function json(status: number, value: object): Answer {
  return { status, type: 'application/json', text: `${JSON.stringify(value)}\n` }
}

async function closed(server: Server): Promise<void> {
  const done = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeAllConnections()
  await done
}
