import type { Socket } from 'node:net'

export interface Traffic {
  readonly bytesReceived: number
  readonly bytesSent: number
}

/**
 * What each connection carried since it was last asked: when a request is handled, its head and often its body have been
 * read already. Of requests sent ahead on one connection the first bears what came with it.
 */
export function trafficMeter(): (socket: Socket) => Traffic {
  const counted = new WeakMap<Socket, Traffic>()
  return (socket) => {
    const total = { bytesReceived: socket.bytesRead, bytesSent: socket.bytesWritten }
    const before = counted.get(socket)
    counted.set(socket, total)
    return {
      bytesReceived: total.bytesReceived - (before?.bytesReceived ?? 0),
      bytesSent: total.bytesSent - (before?.bytesSent ?? 0),
    }
  }
}
