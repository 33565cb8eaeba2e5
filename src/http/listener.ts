import { createServer as createHttpServer, type Server } from 'node:http'
import { createServer as createHttpsServer, Server as HttpsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import type { RequestListener } from 'node:http'

export interface ListenerLimits {
  readonly maxConnections: number
  readonly maxHeaderBytes: number
  readonly headersTimeoutMs: number
  readonly keepAliveMs: number
  /** A connection on which nothing moves in either direction, in the middle of a request. */
  readonly socketIdleMs: number
}

export interface Listener {
  readonly host: string
  readonly port: number
  /** Takes a renewed certificate for new connections. */
  replaceCertificate(tls: TlsIdentity): void
  /** Stops accepting, lets transfers finish until the deadline, then cuts what is left. */
  close(deadlineMs: number): Promise<void>
}

export interface TlsIdentity {
  readonly certificatePem: string
  readonly privateKeyPem: string
}

/** @throws the system's error (EADDRINUSE, EACCES) when it cannot listen. */
export async function listen(
  handler: RequestListener,
  options: {
    readonly host: string
    readonly port: number
    /** Null: plain HTTP, for loopback ports only. */
    readonly tls: TlsIdentity | null
    readonly limits: ListenerLimits
  },
): Promise<Listener> {
  const { limits, tls } = options
  const settings = {
    maxHeaderSize: limits.maxHeaderBytes,
    keepAliveTimeout: limits.keepAliveMs,
    headersTimeout: limits.headersTimeoutMs,
    // The body has a pace of its own (`BodyPace`); this bounds only what never gets that far.
    requestTimeout: 0,
    connectionsCheckingInterval: Math.min(limits.headersTimeoutMs, 5_000),
    // None or two Hosts are answered by the pipeline, with a request id.
    requireHostHeader: false,
    noDelay: true,
  }
  const server =
    tls === null
      ? createHttpServer(settings, handler)
      : createHttpsServer(
          {
            ...settings,
            cert: tls.certificatePem,
            key: tls.privateKeyPem,
            minVersion: 'TLSv1.2',
            ALPNProtocols: ['http/1.1'],
          },
          handler,
        )
  // Answered by the pipeline: the client is told to go on only when its body is wanted.
  server.on('checkContinue', handler)
  server.on('clientError', refuse)
  server.maxConnections = limits.maxConnections
  server.timeout = limits.socketIdleMs
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, options.host, () => {
      server.off('error', reject)
      resolve()
    })
  })
  const address = server.address() as AddressInfo
  return {
    host: address.address,
    port: address.port,
    replaceCertificate(next) {
      if (server instanceof HttpsServer) {
        server.setSecureContext({ cert: next.certificatePem, key: next.privateKeyPem, minVersion: 'TLSv1.2' })
      }
    },
    close: (deadlineMs) => closeServer(server, deadlineMs),
  }
}

async function closeServer(server: Server, deadlineMs: number): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeIdleConnections()
  const idle = setInterval(() => server.closeIdleConnections(), 50)
  const deadline = setTimeout(() => server.closeAllConnections(), deadlineMs)
  await closed
  clearInterval(idle)
  clearTimeout(deadline)
}

/** What Node could not parse: too large a header is 431, a slow one 408, the rest 400. */
function refuse(error: NodeJS.ErrnoException, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const line =
    error.code === 'HPE_HEADER_OVERFLOW'
      ? '431 Request Header Fields Too Large'
      : error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
        ? '408 Request Timeout'
        : '400 Bad Request'
  socket.end(`HTTP/1.1 ${line}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
}
