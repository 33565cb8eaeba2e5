import type { IncomingMessage } from 'node:http'
import { MIB } from '../kernel/units.ts'

/** The rest of a body that nobody wanted, on its way while the answer is being written. */
export interface Unread {
  /** Whether the connection can be used again once the rest is read away. */
  readonly keepsConnection: boolean
  /** Whether the rest was read to its end; false once a limit is reached or the client left. */
  readonly drained: Promise<boolean>
}

const MAX_BYTES = MIB
const MAX_MS = 2_000

/**
 * Reads away what is left of a request. A server that closes with bytes unread makes the kernel send a reset, which can
 * reach the client before the answer does (RFC 9112 section 9.6): so a little is read while the client has the answer in
 * hand, and the connection closes after that.
 *
 * @returns null when the request has been received whole
 */
export function drainUnread(request: IncomingMessage): Unread | null {
  if (request.complete) {
    // What lies in our buffer would hold up the next request on the connection.
    if (!request.readableEnded) request.resume()
    return null
  }
  // Who asked first sends nothing without a word from us; what he does send then is nobody's guess, so close.
  if (request.headers.expect !== undefined) return { keepsConnection: false, drained: Promise.resolve(false) }
  const length = Number(request.headers['content-length'] ?? Infinity)
  return { keepsConnection: length <= MAX_BYTES, drained: drain(request) }
}

function drain(request: IncomingMessage): Promise<boolean> {
  return new Promise((resolve) => {
    let seen = 0
    const timer = setTimeout(() => resolve(false), MAX_MS)
    request.on('data', (chunk: Buffer) => {
      seen += chunk.length
      if (seen > MAX_BYTES) resolve(false)
    })
    request.once('end', () => resolve(true))
    request.once('close', () => {
      clearTimeout(timer)
      resolve(false)
    })
    // The client left while we read its rest; it had its answer.
    request.on('error', () => resolve(false))
    // An operation that left its body half read may still listen, and would keep it from flowing.
    request.removeAllListeners('readable')
    request.resume()
  })
}
