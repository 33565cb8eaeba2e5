import { describe, expect, test } from 'vitest'
import {
  generateAdminPassword,
  generateSecret,
  sameSecret,
  secretVerifier,
  verifySecret,
} from './password.ts'

describe('generated secrets', () => {
  test('look like those of Entra ID and of Azure registries', () => {
    for (let i = 0; i < 200; i++) {
      expect(generateSecret()).toMatch(/^[A-Za-z0-9]{3}8Q~[A-Za-z0-9~.]{34}$/)
      expect(generateAdminPassword()).toMatch(/^[A-Za-z0-9]{42}\+ACR[A-Za-z0-9]{6}$/)
    }
  })

  test('use their whole alphabet, and never repeat', () => {
    const secrets = Array.from({ length: 500 }, generateSecret)
    expect(new Set(secrets).size).toBe(500)
    expect(new Set(secrets.map((secret) => secret.slice(6)).join('')).size).toBe(64)
  })
})

describe('verifySecret()', () => {
  test('takes the secret itself and nothing near it', () => {
    const secret = generateSecret()
    const verifier = secretVerifier(secret)
    expect(verifySecret(secret, verifier)).toBe(true)
    for (const other of ['', secret.slice(1), `${secret} `, secret.toLowerCase(), generateSecret()]) {
      expect(verifySecret(other, verifier)).toBe(false)
    }
  })

  test('refuses a verifier that is altered, short, long or of another version', () => {
    const secret = generateSecret()
    const verifier = secretVerifier(secret)
    for (let bit = 0; bit < verifier.length * 8; bit++) {
      const altered = Uint8Array.from(verifier)
      altered[bit >> 3]! ^= 1 << (bit & 7)
      expect(verifySecret(secret, altered)).toBe(false)
    }
    expect(verifySecret(secret, verifier.subarray(0, 48))).toBe(false)
    expect(verifySecret(secret, new Uint8Array(0))).toBe(false)
    expect(verifySecret(secret, Uint8Array.of(...verifier, 0))).toBe(false)
  })

  test('is salted: verifiers of one secret differ', () => {
    const secret = generateSecret()
    expect(secretVerifier(secret)).not.toEqual(secretVerifier(secret))
  })
})

test('sameSecret() is equality', () => {
  expect(sameSecret('abc', 'abc')).toBe(true)
  expect(sameSecret('', '')).toBe(true)
  for (const other of ['abd', 'ab', 'abcd', '', 'ABC']) expect(sameSecret('abc', other)).toBe(false)
})
