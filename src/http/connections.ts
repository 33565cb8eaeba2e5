import type { Server, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** The open connections of a server and what is being answered on them. */
export interface Connections {
  serving(response: ServerResponse): void
  /** Stops accepting; a connection goes as soon as nothing is being answered on it, at the deadline in any case. */
  close(deadlineMs: number): Promise<void>
}

/**
 * Node's own `closeIdleConnections` counts as busy a connection whose request has not come whole, and does not know one in
 * its TLS handshake: either would hold up a shutdown to its deadline.
 */
export function trackConnections(server: Server): Connections {
  const sockets = new Map<string, Socket>()
  const responses = new Set<ServerResponse>()
  let isClosing = false

  server.on('connection', (socket: Socket) => {
    const key = peerOf(socket)
    sockets.set(key, socket)
    socket.once('close', () => sockets.delete(key))
  })
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Socket) => {
    const hasBegun = [...responses].some((response) => response.socket === socket && response.headersSent)
    refuse(error, socket, hasBegun)
  })

  const closeIdle = () => {
    const busy = new Set([...responses].map((response) => (response.socket ? peerOf(response.socket) : '')))
    for (const [key, socket] of sockets) if (!busy.has(key)) socket.destroy()
  }
  return {
    serving(response) {
      responses.add(response)
      if (isClosing) response.setHeader('Connection', 'close')
      response.once('close', () => {
        responses.delete(response)
        if (isClosing) setImmediate(closeIdle)
      })
    },
    async close(deadlineMs) {
      isClosing = true
      const closed = new Promise<void>((resolve) => server.close(() => resolve()))
      for (const response of responses) if (!response.headersSent) response.setHeader('Connection', 'close')
      closeIdle()
      const deadline = setTimeout(() => {
        for (const socket of sockets.values()) socket.destroy()
      }, deadlineMs)
      await closed
      clearTimeout(deadline)
    },
  }
}

/** A TLS socket and the one below it are two objects with one peer. */
function peerOf(socket: Socket): string {
  return `${socket.remoteAddress} ${socket.remotePort}`
}

/** How long a refused client has to take its answer and leave. */
const LEAVE_MS = 1_000

/** What Node could not parse. Nothing is written into the middle of an answer. */
function refuse(error: NodeJS.ErrnoException, socket: Socket, hasBegun: boolean): void {
  if (error.code === 'ECONNRESET' || !socket.writable || hasBegun) {
    socket.destroy()
    return
  }
  const line = refusals[error.code ?? ''] ?? '400 Bad Request'
  socket.end(`HTTP/1.1 ${line}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`)
  setTimeout(() => socket.destroy(), LEAVE_MS).unref()
}

const refusals: Readonly<Record<string, string>> = {
  HPE_HEADER_OVERFLOW: '431 Request Header Fields Too Large',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: '413 Content Too Large',
  ERR_HTTP_REQUEST_TIMEOUT: '408 Request Timeout',
}
