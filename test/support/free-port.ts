import { randomInt } from 'node:crypto'
import { createServer } from 'node:net'

/** Below those that systems give to outgoing connections: Linux from 32768 on, macOS from 49152. */
const PORTS = { from: 20_000, below: 32_768 }
const MAX_TRIES = 100

/**
 * A port of 127.0.0.1 that nobody listens on at this moment, and that no outgoing connection takes: a server finds it free
 * again after a restart.
 */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const port = randomInt(PORTS.from, PORTS.below)
    if (await isFree(port)) return port
  }
  throw new Error(`none of ${MAX_TRIES} ports was free`)
}

function isFree(port: number): Promise<boolean> {
  const server = createServer()
  return new Promise((resolve) => {
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
