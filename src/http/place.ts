import type { IncomingMessage } from 'node:http'
import { parseAuthority } from './hosts.ts'

/** Where a request is addressed to. */
export interface Place {
  readonly hostname: string
  readonly authority: string
  /** Path and query, begins with a slash. */
  readonly target: string
}

/**
 * Reads Host and request line. An absolute-form target overrides the Host (RFC 9112 section 3.2.2).
 *
 * @returns null for what section 3.2 answers with 400: none, several or invalid Hosts, or a target of another form
 */
export function locate(request: IncomingMessage): Place | null {
  const hosts = request.rawHeaders.filter((name, index) => index % 2 === 0 && name.toLowerCase() === 'host')
  const named = hosts.length === 1 ? parseAuthority(request.headers.host ?? '') : null
  if (named === null) return null
  const url = request.url ?? ''
  if (url.startsWith('/')) return { ...named, target: url }
  if (url === '*') return { ...named, target: '/*' }
  const absolute = /^https?:\/\/([^/?#]*)(.*)$/i.exec(url)
  const overriding = parseAuthority(absolute?.[1] ?? '')
  if (absolute === null || overriding === null) return null
  const target = absolute[2] ?? ''
  return { ...overriding, target: target.startsWith('/') ? target : `/${target}` }
}

/** Lower-case names; repeated ones joined, none left out: two Authorization headers must not look like one. */
export function joinedHeaders(request: IncomingMessage): ReadonlyMap<string, string> {
  const joined = new Map<string, string>()
  const raw = request.rawHeaders
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = (raw[index] ?? '').toLowerCase()
    const value = raw[index + 1] ?? ''
    const before = joined.get(name)
    joined.set(name, before === undefined ? value : `${before}, ${value}`)
  }
  return joined
}

/** The peer's address, IPv4-mapped IPv6 unfolded. Empty when the peer is gone already. */
export function addressOf(request: IncomingMessage): string {
  return (request.socket.remoteAddress ?? '').replace(/^::ffff:/i, '')
}
