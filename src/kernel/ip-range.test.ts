import { BlockList } from 'node:net'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { isInRanges, isIpRange } from './ip-range.ts'

it.each([
  ['10.1.2.3', ['10.1.2.3'], true],
  ['10.1.2.4', ['10.1.2.3'], false],
  ['10.1.2.255', ['10.1.2.0/24'], true],
  ['10.1.3.0', ['10.1.2.0/24'], false],
  ['10.1.2.9', ['10.1.2.77/24'], true],
  ['::ffff:10.1.2.3', ['10.1.2.0/24'], true],
  ['255.255.255.255', ['0.0.0.0/0'], true],
  ['::1', ['0.0.0.0/0'], false],
  ['', ['0.0.0.0/0'], false],
  ['10.1.2.3', ['nonsense', '10.1.2.3/32'], true],
  ['10.1.2.3', [], false],
])('isInRanges(%s, %j) is %s', (address, ranges, expected) => {
  expect(isInRanges(address, ranges)).toBe(expected)
})

it('isInRanges() agrees with the runtime for every address and prefix', () => {
  const address = fc.ipV4()
  fc.assert(
    fc.property(address, address, fc.integer({ min: 0, max: 32 }), (one, network, bits) => {
      const list = new BlockList()
      list.addSubnet(network, bits, 'ipv4')
      expect(isInRanges(one, [`${network}/${bits}`])).toBe(list.check(one, 'ipv4'))
    }),
  )
})

it.each(['10.0.0.0/33', '10.0.0', '10.0.0.0/', '10.0.0.256', '::/0', '10.0.0.0/8/8', ' 10.0.0.0', ''])(
  'isIpRange() refuses %j',
  (text) => {
    expect(isIpRange(text)).toBe(false)
  },
)
