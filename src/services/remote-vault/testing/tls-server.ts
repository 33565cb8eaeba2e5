import { type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { type CertificatePair, createAuthority, issueServerCertificate } from '../../../crypto/certificate.ts'
import { DAY_MS } from '../../../kernel/units.ts'

/** Another server, for tests: it answers as it is told. */
export interface TlsServer extends AsyncDisposable {
  /** `https://127.0.0.1:PORT` */
  readonly url: string
  /** What it must be trusted by. */
  readonly ca: string
  readonly requests: SeenRequest[]
  /** Replaces what it answers. */
  answer: (request: SeenRequest, response: ServerResponse) => void
  /** Closes every connection, as a server does that is restarted. */
  dropConnections(): Promise<void>
  connections(): number
}

export interface SeenRequest {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

export const newAuthority = (): Promise<CertificatePair> =>
  createAuthority('Test CA', new Date(Date.now() - DAY_MS))

/** @param names in its certificate beside its address */
export async function tlsServer(
  authority: CertificatePair,
  {
    addresses = ['127.0.0.1'],
    days = 30,
  }: { readonly addresses?: readonly string[]; readonly days?: number } = {},
): Promise<TlsServer> {
  const validFrom = new Date(Date.now() - 2 * DAY_MS)
  const pair = await issueServerCertificate({ authority, names: ['server.test'], addresses, validFrom, days })
  const sockets = new Set<Socket>()
  const requests: SeenRequest[] = []
  const server = createServer({ cert: pair.certPem, key: pair.keyPem }, (request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { method = '', url: path = '', headers } = request
      const seen = { method, path, headers, body: Buffer.concat(chunks).toString() }
      requests.push(seen)
      made.answer(seen, response)
    })
  })
  server.on('secureConnection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const made: TlsServer = {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ca: authority.certPem,
    requests,
    answer: (_, response) => response.end('{}'),
    async dropConnections() {
      const closed = [...sockets].map((socket) => new Promise((resolve) => socket.on('close', resolve)))
      for (const socket of sockets) socket.destroy()
      await Promise.all(closed)
    },
    connections: () => sockets.size,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return made
}

/** Answers every request alike. */
export function json(status: number, body: unknown, headers: Readonly<Record<string, string>> = {}) {
  return (_: SeenRequest, response: ServerResponse): void => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body))
  }
}
