import { describe, expect, test } from 'vitest'
import { MacKey } from './mac-key.ts'
import { randomBytes } from './random.ts'

describe('MacKey', () => {
  test('verify() takes the tag of the same key, context and parts, and no other', () => {
    const key = MacKey.generate()
    const parts = [Buffer.from('one'), Buffer.from('two')] as const
    const tag = key.mac('context', ...parts)
    expect(tag.length).toBe(32)
    expect(key.verify(tag, 'context', ...parts)).toBe(true)
    expect(key.verify(tag, 'contexT', ...parts)).toBe(false)
    expect(MacKey.generate().verify(tag, 'context', ...parts)).toBe(false)
    for (let bit = 0; bit < 256; bit++) {
      const altered = Buffer.from(tag)
      altered[bit >> 3]! ^= 1 << (bit & 7)
      expect(key.verify(altered, 'context', ...parts)).toBe(false)
    }
    for (const length of [0, 16, 31]) {
      expect(key.verify(tag.subarray(0, length), 'context', ...parts)).toBe(false)
    }
  })

  test('moving a border between parts or the context changes the tag', () => {
    const key = MacKey.generate()
    const lists: readonly (readonly [string, ...string[]])[] = [
      ['ab', 'c', 'd'],
      ['a', 'bc', 'd'],
      ['a', 'b', 'cd'],
      ['a', 'bcd'],
      ['abcd'],
      ['abcd', ''],
      ['', 'abcd'],
    ]
    const tags = lists.map(([context, ...parts]) =>
      key.mac(context, ...parts.map((part) => Buffer.from(part))).toString('hex'),
    )
    expect(new Set(tags).size).toBe(lists.length)
  })

  test('fromBytes() overwrites what it was given', () => {
    const raw = randomBytes(32)
    const same = MacKey.fromBytes(Buffer.from(raw)).mac('c')
    expect(MacKey.fromBytes(raw).verify(same, 'c')).toBe(true)
    expect(raw.equals(Buffer.alloc(32))).toBe(true)
  })
})
