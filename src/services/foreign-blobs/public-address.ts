import { BlockList, isIPv4, isIPv6 } from 'node:net'

/**
 * Special-purpose addresses, which lead to this machine, its network, or nowhere: RFC 6890 and IANA's registries, as of 2026.
 * https://www.iana.org/assignments/iana-ipv4-special-registry
 */
const special4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  // Where a cloud's host answers its machines: that of one of them is no special address otherwise.
  '168.63.129.16/32',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.0.2.0/24',
  '192.31.196.0/24',
  '192.52.193.0/24',
  '192.88.99.0/24',
  '192.168.0.0/16',
  '192.175.48.0/24',
  '198.18.0.0/15',
  '198.51.100.0/24',
  '203.0.113.0/24',
  '224.0.0.0/4',
  '240.0.0.0/4',
]

/** Of the one block of IPv6 that is in use: what is set aside in it, and what holds an IPv4 address. The rest is not public anyway. */
const global6 = '2000::/3'
const special6 = ['2001::/23', '2001:db8::/32', '2002::/16', '2620:4f:8000::/48', '3fff::/20']

const refused4 = blockList(special4, 'ipv4')
const used6 = blockList([global6], 'ipv6')
const refused6 = blockList(special6, 'ipv6')

/** Whether an address is a host's on the internet. An IPv4 address in IPv6 form counts as what it is. */
export function isPublicAddress(address: string): boolean {
  if (isIPv4(address)) return !refused4.check(address, 'ipv4')
  if (!isIPv6(address)) return false
  // IPv4-mapped addresses lie outside of the block; so do those of NAT64, which lead anywhere.
  return used6.check(address, 'ipv6') && !refused6.check(address, 'ipv6')
}

function blockList(networks: readonly string[], family: 'ipv4' | 'ipv6'): BlockList {
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', bits = ''] = network.split('/')
    list.addSubnet(address, Number(bits), family)
  }
  return list
}
