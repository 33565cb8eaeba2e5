import { type RequestListener, type Server, createServer as createHttpServer } from 'node:http'
import { createServer as createHttpsServer, Server as HttpsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { trackConnections } from './connections.ts'

export interface ListenerLimits {
  readonly maxConnections: number
  readonly maxHeaderBytes: number
  /** For a TLS handshake too. */
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

export interface ListenOptions {
  readonly host: string
  readonly port: number
  /** Null: plain HTTP, for loopback ports only. */
  readonly tls: TlsIdentity | null
  readonly limits: ListenerLimits
}

/** @throws the system's error (EADDRINUSE, EACCES) when it cannot listen. */
export async function listen(handler: RequestListener, options: ListenOptions): Promise<Listener> {
  const server = createServer(options)
  const connections = trackConnections(server)
  const handle: RequestListener = (request, response) => {
    connections.serving(response)
    handler(request, response)
  }
  server.on('request', handle)
  // Answered by the pipeline: the client is told to go on only when its body is wanted.
  server.on('checkContinue', handle)
  // Other expectations may be ignored (RFC 9110 section 10.1.1); Node's own answer would have no request id.
  server.on('checkExpectation', handle)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, options.host, () => {
      server.off('error', reject)
      resolve()
    })
  })
  // A connection that could not be accepted (out of file descriptors) is no reason to end all others.
  server.on('error', () => undefined)
  const address = server.address() as AddressInfo
  return {
    host: address.address,
    port: address.port,
    replaceCertificate(next) {
      if (server instanceof HttpsServer) server.setSecureContext(secureContext(next))
    },
    close: (deadlineMs) => connections.close(deadlineMs),
  }
}

function createServer({ limits, tls }: ListenOptions): Server {
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
      ? createHttpServer(settings)
      : createHttpsServer({
          ...settings,
          ...secureContext(tls),
          handshakeTimeout: limits.headersTimeoutMs,
          ALPNProtocols: ['http/1.1'],
        })
  server.maxConnections = limits.maxConnections
  // Node leaves out, without a word, the headers beyond its count; their size is limited already.
  server.maxHeadersCount = 0
  server.timeout = limits.socketIdleMs
  return server
}

function secureContext({ certificatePem, privateKeyPem }: TlsIdentity) {
  return { cert: certificatePem, key: privateKeyPem, minVersion: 'TLSv1.2' } as const
}
