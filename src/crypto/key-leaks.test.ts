import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { ExtentKey } from './extent-key.ts'
import { lendRaw } from './key-material.ts'
import { MacKey } from './mac-key.ts'
import { randomBytes } from './random.ts'
import { RecordKey } from './record-key.ts'
import { RootKey } from './root-key.ts'
import { RsaKey } from './rsa-key.ts'
import { PublicTokenKey, TokenSigner } from './token.ts'

const signer = await TokenSigner.generate()
const keys = {
  RecordKey: RecordKey.generate(),
  MacKey: MacKey.generate(),
  ExtentKey: ExtentKey.generate(),
  RootKey: RootKey.generate(),
  RsaKey: await RsaKey.generate(2048),
  TokenSigner: signer,
  PublicTokenKey: PublicTokenKey.fromJwk(signer.jwk),
}

test.each(Object.entries(keys))('%s prints as its name in inspect, JSON and as a member', (name, key) => {
  expect(inspect(key)).toBe(`[${name}]`)
  expect(inspect(key, { showHidden: true, depth: 9 })).toBe(`[${name}]`)
  expect(inspect({ key }, { depth: 9 })).toBe(`{ key: [${name}] }`)
  expect(JSON.stringify({ key })).toBe(`{"key":"[${name}]"}`)
})

const publicMembers = new Map([
  ['RsaKey', ['bits', 'exponent', 'modulus']],
  ['TokenSigner', ['jwk']],
  ['PublicTokenKey', ['kid']],
])

test.each(Object.entries(keys))('%s keeps its secret out of its own properties', (name, key) => {
  const open = Reflect.ownKeys(key).map(String).sort()
  expect(open).toEqual(publicMembers.get(name) ?? [])
})

test('a copy by structuredClone carries nothing', () => {
  const clone: unknown = structuredClone(keys.RecordKey)
  expect(clone).toEqual({})
})

test('raw bytes are lent: overwritten when the borrower returns or fails', () => {
  const secret = randomBytes(32)
  const key = RecordKey.fromBytes(Buffer.from(secret))
  const lent: Buffer[] = []
  key[lendRaw]((raw) => {
    expect(raw.equals(secret)).toBe(true)
    lent.push(raw)
  })
  expect(() =>
    key[lendRaw]((raw) => {
      lent.push(raw)
      throw new Error('no')
    }),
  ).toThrow('no')
  expect(lent.map((raw) => raw.equals(Buffer.alloc(32)))).toEqual([true, true])
})
