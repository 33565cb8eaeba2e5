import { describe, expect, test } from 'vitest'
import { ExtentKey } from './extent-key.ts'
import type { SealFault } from './faults.ts'
import { randomBytes } from './random.ts'
import { RecordKey } from './record-key.ts'
import { type ExtentBinding, RootKey, type RootKeyBinding } from './root-key.ts'
import { RsaKey } from './rsa-key.ts'

const binding: RootKeyBinding = {
  resourceId: '/subscriptions/1/registries/r',
  purpose: 'registry',
  generation: 3,
}
const broken = expect.objectContaining({ code: 'seal-broken' }) as SealFault

/** A copy that outlives the loan, as the wire would have it. */
const payloadOf = (root: RootKey, of = binding) =>
  root.sealPayload(of, async (payload) => Buffer.from(payload))

describe('RootKey.sealPayload()', () => {
  test('gives 73 bytes from which the same key comes back', async () => {
    const root = RootKey.generate()
    const payload = await payloadOf(root)
    expect(payload.length).toBe(73)
    expect(RootKey.fromPayload(payload, { ...binding }).keyId).toBe(root.keyId)
  })

  test('the payload fits OAEP-256 under RSA-2048', async () => {
    const vaultKey = await RsaKey.generate(2048)
    const root = RootKey.generate()
    const wrapped = await root.sealPayload(binding, (payload) => vaultKey.encrypt('RSA-OAEP-256', payload))
    const unwrapped = await vaultKey.decrypt('RSA-OAEP-256', wrapped)
    expect(RootKey.fromPayload(unwrapped, binding).keyId).toBe(root.keyId)
  })

  test('lends for as long as the borrower is at work', async () => {
    const root = RootKey.generate()
    const payload = await root.sealPayload(binding, async (lent) => {
      await new Promise((resolve) => setTimeout(resolve, 5))
      return Buffer.from(lent)
    })
    expect(RootKey.fromPayload(payload, binding).keyId).toBe(root.keyId)
  })

  test('overwrites what it lent, also when the borrower fails', async () => {
    const lent: Uint8Array[] = []
    const root = RootKey.generate()
    await root.sealPayload(binding, async (payload) => {
      expect(Buffer.alloc(73).equals(payload)).toBe(false)
      lent.push(payload)
    })
    const failing = root.sealPayload(binding, async (payload) => {
      lent.push(payload)
      throw new Error('no')
    })
    await expect(failing).rejects.toThrow('no')
    expect(lent.map((payload) => Buffer.alloc(73).equals(payload))).toEqual([true, true])
  })
})

describe('RootKey.fromPayload()', () => {
  test('refuses every other binding, and overwrites the payload then, too', async () => {
    const root = RootKey.generate()
    for (const other of [
      { ...binding, resourceId: '/subscriptions/1/registries/R' },
      { ...binding, purpose: 'registry2' },
      { ...binding, generation: 2 },
      { ...binding, generation: 4 },
      { ...binding, resourceId: '/subscriptions/1/registries/rr', purpose: 'egistry' },
    ]) {
      const payload = await payloadOf(root)
      expect(() => RootKey.fromPayload(payload, other)).toThrow(broken)
      expect(payload.equals(Buffer.alloc(73))).toBe(true)
    }
  })

  test('overwrites the payload it took', async () => {
    const payload = await payloadOf(RootKey.generate())
    RootKey.fromPayload(payload, binding)
    expect(payload.equals(Buffer.alloc(73))).toBe(true)
  })

  test('refuses another version or length', async () => {
    const payload = await payloadOf(RootKey.generate())
    const version = Buffer.from(payload)
    version[0] = 2
    expect(() => RootKey.fromPayload(version, binding)).toThrow(broken)
    expect(() => RootKey.fromPayload(payload.subarray(0, 72), binding)).toThrow(broken)
    expect(() => RootKey.fromPayload(Buffer.alloc(0), binding)).toThrow(broken)
  })
})

describe('keys under a RootKey', () => {
  const root = RootKey.generate()
  const extentBinding: ExtentBinding = {
    extentId: 'e1',
    length: 3,
    resourceId: 'account-1',
    rootKeyId: root.keyId,
  }

  test('an extent key comes back under its binding and no other', () => {
    const key = ExtentKey.generate()
    const sealer = key.sealer('e1')
    const file = Buffer.concat([sealer.header, ...sealer.push(Buffer.from('abc')), ...sealer.finish()])
    const wrapped = root.wrapExtentKey(extentBinding, key)
    const opener = root.unwrapExtentKey(extentBinding, wrapped).opener('e1', file.subarray(0, 40), 3)
    expect(opener.openSegment(0, file.subarray(40)).toString()).toBe('abc')
    for (const other of [
      { ...extentBinding, extentId: 'e2' },
      { ...extentBinding, length: 4 },
      { ...extentBinding, resourceId: 'account-2' },
      { ...extentBinding, rootKeyId: RootKey.generate().keyId },
      { ...extentBinding, extentId: 'e1a', resourceId: 'ccount-1' },
    ]) {
      expect(() => root.unwrapExtentKey(other, wrapped)).toThrow(broken)
    }
    expect(() => RootKey.generate().unwrapExtentKey(extentBinding, wrapped)).toThrow(broken)
    expect(() => root.unwrapRecordKey('e1', wrapped)).toThrow(broken)
  })

  test('a record key comes back under its context and no other', () => {
    const key = RecordKey.generate()
    const wrapped = root.wrapRecordKey('customer records', key)
    expect(root.unwrapRecordKey('customer records', wrapped).keyId).toBe(key.keyId)
    expect(() => root.unwrapRecordKey('service records', wrapped)).toThrow(broken)
    expect(() => root.unwrapExtentKey(extentBinding, wrapped)).toThrow(broken)
  })

  test('destroy() ends every use', async () => {
    const doomed = RootKey.generate()
    const { keyId } = doomed
    const wrapped = doomed.wrapRecordKey('c', RecordKey.generate())
    doomed.destroy()
    const gone = expect.objectContaining({ code: 'key-destroyed', facts: { keyId } }) as SealFault
    expect(() => doomed.unwrapRecordKey('c', wrapped)).toThrow(gone)
    expect(() => doomed.wrapRecordKey('c', RecordKey.generate())).toThrow(gone)
    expect(() => doomed.wrapExtentKey(extentBinding, ExtentKey.generate())).toThrow(gone)
    expect(() => doomed.unwrapExtentKey(extentBinding, wrapped)).toThrow(gone)
    await expect(payloadOf(doomed)).rejects.toThrow(gone)
    expect(doomed.keyId).toBe(keyId)
  })

  test('the service wrapping key is a record key over the same payload', async () => {
    const service = RecordKey.generate()
    const wrapped = await root.sealPayload(binding, async (payload) => service.seal('root key of r', payload))
    const payload = service.open('root key of r', wrapped)
    expect(RootKey.fromPayload(payload, binding).keyId).toBe(root.keyId)
    expect(() => service.open('root key of r', randomBytes(106))).toThrow(broken)
  })
})
