import { BlockList, isIPv4 } from 'node:net'

/** `10.1.2.3` or `10.1.0.0/16`: Key Vault's rules know IPv4 only. */
export function isIpRange(text: string): boolean {
  return parseIpRange(text) !== null
}

/** Whether an address lies in one of the ranges; an IPv6 address lies in none, unless it is an IPv4 one in IPv6 form. */
export function isInRanges(address: string, ranges: readonly string[]): boolean {
  const plain = address.replace(/^::ffff:/i, '')
  if (!isIPv4(plain)) return false
  const list = new BlockList()
  for (const range of ranges) {
    const parsed = parseIpRange(range)
    if (parsed !== null) list.addSubnet(parsed.address, parsed.bits, 'ipv4')
  }
  return list.check(plain, 'ipv4')
}

function parseIpRange(text: string): { readonly address: string; readonly bits: number } | null {
  const found = /^([0-9.]+)(?:\/(\d{1,2}))?$/.exec(text)
  const address = found?.[1]
  if (address === undefined || !isIPv4(address)) return null
  const bits = found?.[2] === undefined ? 32 : Number(found[2])
  return bits <= 32 ? { address, bits } : null
}
