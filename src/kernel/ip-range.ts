import { isIPv4 } from 'node:net'

/** `10.1.2.3` or `10.1.0.0/16`: the rules of vaults and storage accounts know IPv4 only. */
export function isIpRange(text: string): boolean {
  return parseIpRange(text) !== null
}

/** Whether an address lies in one of the ranges; an IPv6 address lies in none, unless it is an IPv4 one in IPv6 form. */
export function isInRanges(address: string, ranges: readonly string[]): boolean {
  const plain = address.replace(/^::ffff:/i, '')
  if (!isIPv4(plain)) return false
  const number = numberOf(plain)
  return ranges.some((text) => {
    const range = parseIpRange(text)
    return range !== null && Math.floor(number / range.size) === Math.floor(range.first / range.size)
  })
}

interface IpRange {
  readonly first: number
  /** How many addresses: a power of two. */
  readonly size: number
}

function parseIpRange(text: string): IpRange | null {
  const found = /^([0-9.]+)(?:\/(\d{1,2}))?$/.exec(text)
  const address = found?.[1]
  if (address === undefined || !isIPv4(address)) return null
  const bits = found?.[2] === undefined ? 32 : Number(found[2])
  return bits <= 32 ? { first: numberOf(address), size: 2 ** (32 - bits) } : null
}

function numberOf(address: string): number {
  return address.split('.').reduce((number, part) => number * 256 + Number(part), 0)
}
