import { type Server, createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Metrics } from '../observe/metrics.ts'

/** How the key of a resource stands, without asking the vault for it anew. */
export interface KeyHealth {
  readonly resourceId: string
  readonly keyId: string
  readonly state: 'open' | 'refused' | 'unreachable' | 'idle'
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
      const answer = (status: number, type: string, text: string) => {
        response.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(text) })
        response.end(request.method === 'HEAD' ? undefined : text)
      }
      const respond = async (): Promise<void> => {
        if (request.method !== 'GET' && request.method !== 'HEAD')
          return answer(405, 'text/plain', 'GET only\n')
        switch ((request.url ?? '').split('?', 1)[0]) {
          case '/metrics':
            return answer(200, options.metrics.contentType, await options.metrics.text())
          case '/health/live':
            return answer(200, 'application/json', '{"status":"live"}\n')
          case '/health/ready': {
            const readiness = await options.readiness()
            return answer(
              readiness.status === 'stopping' ? 503 : 200,
              'application/json',
              `${JSON.stringify(readiness)}\n`,
            )
          }
          default:
            return answer(404, 'text/plain', '/metrics, /health/live, /health/ready\n')
        }
      }
      respond().catch(() => answer(503, 'text/plain', 'not available\n'))
    },
  )
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, '127.0.0.1', () => resolve())
  })
  return { port: (server.address() as AddressInfo).port, close: () => closed(server) }
}

async function closed(server: Server): Promise<void> {
  const done = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeAllConnections()
  await done
}
