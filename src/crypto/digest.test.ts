import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseGuid } from '../kernel/guid.ts'
import { sha256, startDigest } from './digest.ts'
import { randomBytes, randomGuid, randomHex } from './random.ts'

test('a running digest is that of the whole, however it was cut, and can be asked in between', () => {
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 8 }), (chunks) => {
      const running = startDigest('sha256')
      const whole: Uint8Array[] = []
      for (const chunk of chunks) {
        running.update(chunk)
        whole.push(chunk)
        expect(running.digestHex()).toBe(sha256(Buffer.concat(whole)).toString('hex'))
      }
      expect(sha256(...chunks).equals(sha256(Buffer.concat(chunks)))).toBe(true)
    }),
  )
})

test('a copy goes its own way', () => {
  const running = startDigest('sha512')
  running.update(Buffer.from('ab'))
  const copy = running.copy()
  copy.update(Buffer.from('c'))
  const before = running.digestHex()
  running.update(Buffer.from('c'))
  expect(before).not.toBe(copy.digestHex())
  expect(running.digestHex()).toBe(copy.digestHex())
  expect(copy.digestHex()).toMatch(/^ddaf35a193617aba/)
})

test('random names have their shape and do not repeat', () => {
  const guids = Array.from({ length: 1000 }, randomGuid)
  expect(new Set(guids).size).toBe(1000)
  for (const guid of guids) expect(parseGuid(guid)).toBe(guid)
  expect(randomHex(8)).toMatch(/^[0-9a-f]{16}$/)
  expect(randomHex(16)).not.toBe(randomHex(16))
  expect(randomBytes(20).length).toBe(20)
  expect(randomBytes(20).equals(randomBytes(20))).toBe(false)
})
