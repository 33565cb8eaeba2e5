import { isIP } from 'node:net'
import type { Protocol } from './operation.ts'

/** Which protocol a host speaks. The Host header alone decides; SNI only picks the certificate. */
export interface HostRule {
  /**
   * `login.localhost` for one host; `*.vault.localhost` for one label in front. Without port, lower case. `address` for
   * any IP address: path style.
   */
  readonly host: string
  readonly protocol: AnyProtocol
}

/** A protocol whose callers and needs are its own affair. */
export type AnyProtocol = Protocol<unknown, unknown>

export interface FoundHost {
  readonly protocol: AnyProtocol
  /** What the `*` stands for; empty for a fixed host; null in path style, where the path's first segment says it. */
  readonly subject: string | null
}

export interface HostTable {
  find(hostname: string): FoundHost | null
}

export function hostTable(rules: readonly HostRule[]): HostTable {
  const fixed = new Map<string, AnyProtocol>()
  const wild = new Map<string, AnyProtocol>()
  let byAddress: AnyProtocol | undefined
  for (const { host, protocol } of rules) {
    if (host === 'address') byAddress = protocol
    else if (host.startsWith('*.')) wild.set(host.slice(2), protocol)
    else fixed.set(host, protocol)
  }
  return {
    find(hostname) {
      const exact = fixed.get(hostname)
      if (exact !== undefined) return { protocol: exact, subject: '' }
      const dot = hostname.indexOf('.')
      const protocol = dot > 0 ? wild.get(hostname.slice(dot + 1)) : undefined
      if (protocol !== undefined) return { protocol, subject: hostname.slice(0, dot) }
      return byAddress !== undefined && isIP(hostname.replace(/^\[|\]$/g, '')) !== 0
        ? { protocol: byAddress, subject: null }
        : null
    },
  }
}

/** Host and port of an authority, lower case; null when it is not one (RFC 9110 section 7.2). */
export function parseAuthority(
  text: string,
): { readonly hostname: string; readonly authority: string } | null {
  const found = /^(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9._-]+)(?::(\d{0,5}))?$/.exec(text)
  if (found?.[1] === undefined || Number(found[2] ?? 0) > 65_535) return null
  const hostname = found[1].toLowerCase().replace(/\.$/, '')
  // A colon with nothing after it means the scheme's own port (RFC 3986 section 3.2.3).
  const hasPort = found[2] !== undefined && found[2] !== ''
  return { hostname, authority: hasPort ? `${hostname}:${found[2]}` : hostname }
}
