import { type Finding, fail, ok, warn } from './finding.ts'
import type { Handshake } from './handshake.ts'

/** Whether it is this installation that answers on the port. `ours`: a handshake that trusts our CA alone. */
export function checkPort(port: number, ours: Handshake): Finding {
  if (ours.state === 'closed') {
    return warn('port', `nothing listens on port ${port}: the server is not running`, 'npm start')
  }
  if (ours.state === 'open' && ours.isTrusted) return ok('port', `the server answers on port ${port}`)
  const what = ours.state === 'other' ? ours.reason : `its certificate is not ours: ${ours.reason}`
  return fail(
    'port',
    `another program listens on port ${port} (${what})`,
    `see which one: ss -ltnp 'sport = :${port}'`,
    'stop it, or start the server on another port: npm start -- --listen 127.0.0.1:9443',
  )
}
