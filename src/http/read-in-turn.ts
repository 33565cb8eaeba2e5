import type { ServerResponse } from 'node:http'
import { TLSSocket } from 'node:tls'

/**
 * To be called before much is written. While a socket's buffer is full Node stops reading from it and pauses its parser; yet
 * a parser that reads from TLS directly is given what has come already, and fails on it (`HPE_PAUSED`): a request that comes
 * before the answer has gone is lost, and its connection too. With somebody who listens Node reads through the socket, which
 * does stop. That takes a third more of the processor for bodies that come later on the connection, so not all do it.
 */
export function readInTurn({ socket }: ServerResponse): void {
  if (socket instanceof TLSSocket && !socket.listeners('data').includes(ignore)) socket.on('data', ignore)
}

function ignore(): void {
  // The parser listens too.
}
