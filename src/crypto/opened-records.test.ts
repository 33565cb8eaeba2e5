import { describe, expect, test, vi } from 'vitest'
import { RememberingRecordKey } from './opened-records.ts'
import { RecordKey } from './record-key.ts'

const plain = Buffer.from('a document')

function remembering(max = 10) {
  const key = RecordKey.generate()
  const open = vi.spyOn(key, 'open')
  return { key: new RememberingRecordKey(key, max), open }
}

describe('RememberingRecordKey', () => {
  test('opens a record once, and gives each caller memory of its own', () => {
    const { key, open } = remembering()
    const sealed = key.seal('context', plain)
    key.open('context', sealed).fill(0)
    key.open('context', sealed).fill(0)
    expect(key.open('context', sealed)).toEqual(plain)
    expect(open).toHaveBeenCalledTimes(1)
  })

  test('refuses what differs in one bit, or is under another context, from what it remembers', () => {
    const { key } = remembering()
    const sealed = key.seal('context', plain)
    key.open('context', sealed)
    for (let at = 0; at < sealed.length; at++) {
      const other = Buffer.from(sealed)
      other[at] = (other[at] ?? 0) ^ 1
      expect(() => key.open('context', other)).toThrow('seal-broken')
    }
    expect(() => key.open('contex', sealed)).toThrow('seal-broken')
    expect(() => key.open('text', Buffer.concat([sealed, Buffer.from('con')]))).toThrow('seal-broken')
  })

  test('opens and parses a document once, and gives all callers the same', () => {
    const { key, open } = remembering()
    const sealed = key.seal('context', Buffer.from('{"a":1}'))
    expect(key.openJson('context', sealed)).toEqual({ a: 1 })
    expect(key.openJson('context', sealed)).toBe(key.openJson('context', sealed))
    expect(open).toHaveBeenCalledTimes(1)
    const large = key.seal('context', Buffer.from(JSON.stringify('x'.repeat(2000))))
    expect(key.openJson('context', large)).toBe('x'.repeat(2000))
  })

  test('gives what took the place of a record, and what was there before to whoever still has it', () => {
    const { key } = remembering()
    const [old, now] = ['"old"', '"now"'].map((text) => key.seal('context', Buffer.from(text)))
    for (const [sealed, text] of [
      [old, 'old'],
      [now, 'now'],
      [old, 'old'],
      [now, 'now'],
    ] as const) {
      expect(key.openJson('context', sealed ?? plain)).toBe(text)
    }
  })

  test('remembers no more than it may, and nothing large', () => {
    const { key, open } = remembering(2)
    const sealed = ['a', 'b', 'c'].map((text) => ({ text, record: key.seal(text, Buffer.from(text)) }))
    for (const { text, record } of [...sealed, ...sealed]) key.open(text, record)
    expect(open).toHaveBeenCalledTimes(6)
    const large = key.seal('context', Buffer.alloc(2000))
    key.open('context', large)
    key.open('context', large)
    expect(open).toHaveBeenCalledTimes(8)
  })
})
