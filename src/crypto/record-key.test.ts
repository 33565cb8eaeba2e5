import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ExtentKey } from './extent-key.ts'
import { SealFault } from './faults.ts'
import { MacKey } from './mac-key.ts'
import { randomBytes } from './random.ts'
import { RecordKey } from './record-key.ts'

const broken = (context: string) =>
  expect.objectContaining({ name: 'SealFault', code: 'seal-broken', facts: { context } }) as SealFault

describe('RecordKey', () => {
  test('seal() and open() agree for any record and context', () => {
    const key = RecordKey.generate()
    const context = fc.string({ unit: 'grapheme' })
    fc.assert(
      fc.property(context, fc.uint8Array({ maxLength: 5000 }), (where, plain) => {
        const sealed = key.seal(where, plain)
        expect(sealed.length).toBe(plain.length + 33)
        expect(key.open(where, sealed).equals(plain)).toBe(true)
      }),
    )
  })

  test('any flipped bit, any other length and any other context are refused, all alike', () => {
    const key = RecordKey.generate()
    const plain = randomBytes(20)
    const sealed = key.seal('row 1', plain)
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const altered = Buffer.from(sealed)
      altered[bit >> 3]! ^= 1 << (bit & 7)
      expect(() => key.open('row 1', altered)).toThrow(broken('row 1'))
    }
    for (let length = 0; length < sealed.length; length++) {
      expect(() => key.open('row 1', sealed.subarray(0, length))).toThrow(broken('row 1'))
    }
    expect(() => key.open('row 1', Buffer.concat([sealed, Buffer.alloc(1)]))).toThrow(broken('row 1'))
    expect(() => key.open('row 2', sealed)).toThrow(broken('row 2'))
    expect(() => RecordKey.generate().open('row 1', sealed)).toThrow(broken('row 1'))
  })

  test('a refusal has no cause and quotes nothing', () => {
    const key = RecordKey.generate()
    try {
      key.open('row', key.seal('other row', Buffer.from('the plaintext')))
      expect.unreachable()
    } catch (error) {
      expect(error).toBeInstanceOf(SealFault)
      expect((error as Error).cause).toBeUndefined()
      expect((error as Error).message).toBe('seal-broken')
    }
  })

  test('the key for keyed hashes is the same every time, another for another key, and as another program makes it', () => {
    const key = RecordKey.fromBytes(Buffer.alloc(32, 7))
    const tag = key.deriveMacKey().mac('c', Buffer.from('v'))
    expect(key.deriveMacKey().mac('c', Buffer.from('v'))).toEqual(tag)
    expect(RecordKey.generate().deriveMacKey().mac('c', Buffer.from('v'))).not.toEqual(tag)
    expect(tag.toString('hex')).toBe('190be74dce3468e47daa16a394f58393beb05498ffcbe94b3f7dcb4d27a34dc5')
  })

  test('sealing the same record twice shares neither salt nor cipher text', () => {
    const key = RecordKey.generate()
    const [a, b] = [key.seal('c', Buffer.alloc(64)), key.seal('c', Buffer.alloc(64))]
    expect(a.subarray(1, 17).equals(b.subarray(1, 17))).toBe(false)
    expect(a.subarray(17).equals(b.subarray(17))).toBe(false)
  })

  test('contexts with lone surrogates are refused: they would be the same bytes', () => {
    expect(() => RecordKey.generate().seal('\ud800', Buffer.alloc(1))).toThrow(TypeError)
  })

  test('fromBytes() overwrites what it was given, and refuses other lengths', () => {
    const raw = randomBytes(32)
    RecordKey.fromBytes(raw)
    expect(raw.equals(Buffer.alloc(32))).toBe(true)
    const short = randomBytes(16)
    expect(() => RecordKey.fromBytes(short)).toThrow(TypeError)
    expect(short.equals(Buffer.alloc(16))).toBe(true)
  })

  test('keyId names the key: equal for equal keys only', () => {
    const raw = randomBytes(32)
    const key = RecordKey.fromBytes(Buffer.from(raw))
    expect(key.keyId).toMatch(/^[0-9a-f]{32}$/)
    expect(RecordKey.fromBytes(Buffer.from(raw)).keyId).toBe(key.keyId)
    expect(RecordKey.generate().keyId).not.toBe(key.keyId)
  })
})

describe('RecordKey.wrap()', () => {
  const outer = RecordKey.generate()

  test('gives each kind of key back', () => {
    const record = RecordKey.generate()
    expect(outer.unwrapRecordKey('c', outer.wrap('c', record)).keyId).toBe(record.keyId)
    const mac = MacKey.generate()
    const again = outer.unwrapMacKey('c', outer.wrap('c', mac))
    expect(again.verify(mac.mac('x'), 'x')).toBe(true)
    const extent = ExtentKey.generate()
    const sealer = extent.sealer('e')
    const file = Buffer.concat([sealer.header, ...sealer.push(Buffer.from('abc')), ...sealer.finish()])
    const opener = outer.unwrapExtentKey('c', outer.wrap('c', extent)).opener('e', file.subarray(0, 40), 3)
    expect(opener.openSegment(0, file.subarray(40)).toString()).toBe('abc')
  })

  test('a wrapped key opens as nothing but its own kind', () => {
    const wrapped = {
      record: outer.wrap('c', RecordKey.generate()),
      mac: outer.wrap('c', MacKey.generate()),
      extent: outer.wrap('c', ExtentKey.generate()),
    }
    expect(() => outer.unwrapMacKey('c', wrapped.record)).toThrow(broken('c'))
    expect(() => outer.unwrapExtentKey('c', wrapped.record)).toThrow(broken('c'))
    expect(() => outer.unwrapRecordKey('c', wrapped.mac)).toThrow(broken('c'))
    expect(() => outer.unwrapRecordKey('c', wrapped.extent)).toThrow(broken('c'))
    for (const one of Object.values(wrapped)) expect(() => outer.open('c', one)).toThrow(broken('c'))
    expect(() => outer.unwrapRecordKey('c', outer.seal('c', randomBytes(32)))).toThrow(broken('c'))
    expect(() => outer.unwrapRecordKey('d', wrapped.record)).toThrow(broken('d'))
  })
})
