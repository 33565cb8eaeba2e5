import { createSecretKey } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { openGcm, sealGcm } from '../../src/crypto/aes-gcm.ts'
import { sha1, sha256, startDigest } from '../../src/crypto/digest.ts'
import { hkdf } from '../../src/crypto/hkdf.ts'
import { hmacSha256 } from '../../src/crypto/hmac.ts'
import { PublicTokenKey } from '../../src/crypto/token.ts'
import { openStream, sealStream } from '../../src/crypto/stream.ts'
import { StreamLayout } from '../../src/crypto/stream-layout.ts'
import { TinkStream } from '../../src/crypto/tink-stream.ts'
import { bytes, ownVectors } from './vector-file.ts'

interface File<T> {
  readonly source: string
  readonly tests: readonly T[]
}

describe('HKDF, RFC 5869', () => {
  const { tests } =
    ownVectors<File<{ ikm: string; salt: string; info: string; bytes: number; okm: string }>>(
      'hkdf-sha256.json',
    )
  test.each(tests)('derives $okm', ({ ikm, salt, info, bytes: length, okm }) => {
    const derived = hkdf('sha256', createSecretKey(bytes(ikm)), bytes(salt), bytes(info), length)
    expect(derived.toString('hex')).toBe(okm)
  })
})

describe('HMAC-SHA-256, RFC 4231', () => {
  const { tests } = ownVectors<File<{ key: string; data: string; tag: string }>>('hmac-sha256.json')
  test.each(tests)('makes $tag', ({ key, data, tag }) => {
    const made = hmacSha256(bytes(key), bytes(data).subarray(0, 3), bytes(data).subarray(3))
    expect(made.toString('hex', 0, tag.length / 2)).toBe(tag)
  })
})

describe('AES-GCM, McGrew and Viega', () => {
  type Case = Record<'key' | 'nonce' | 'associated' | 'plain' | 'cipher' | 'tag', string>
  const { tests } = ownVectors<File<Case>>('aes-gcm.json')
  test.each(tests)('seals to and opens $tag', ({ key, nonce, associated, plain, cipher, tag }) => {
    const pieces = sealGcm(bytes(key), bytes(nonce), bytes(associated), [bytes(plain)])
    expect(Buffer.concat(pieces).toString('hex')).toBe(cipher + tag)
    const opened = openGcm(createSecretKey(bytes(key)), bytes(nonce), bytes(associated), bytes(cipher + tag))
    expect(opened?.toString('hex')).toBe(plain)
  })
})

describe('SHA, FIPS 180-4', () => {
  type Case = { algorithm: 'sha1' | 'sha256' | 'sha512'; text: string; digest: string }
  const { tests } = ownVectors<File<Case>>('sha.json')
  test.each(tests)('$algorithm of "$text"', ({ algorithm, text, digest }) => {
    const whole = Buffer.from(text)
    const parts = [whole.subarray(0, 5), whole.subarray(5)]
    if (algorithm === 'sha1') {
      expect(sha1(...parts).toString('hex')).toBe(digest)
      return
    }
    const running = startDigest(algorithm)
    for (const part of parts) running.update(part)
    expect(running.digestHex()).toBe(digest)
    if (algorithm === 'sha256') expect(sha256(...parts).toString('hex')).toBe(digest)
  })
})

test('RS256, RFC 7515 A.2: the signature is accepted, and no other', () => {
  const { n, e, signingInput, signature } =
    ownVectors<Record<'n' | 'e' | 'signingInput' | 'signature', string>>('rs256.json')
  const key = PublicTokenKey.fromJwk({ kid: 'A.2', n, e })
  const raw = Buffer.from(signature, 'base64url')
  expect(key.verifies(Buffer.from(signingInput), raw)).toBe(true)
  expect(key.verifies(Buffer.from(`${signingInput}.`), raw)).toBe(false)
  raw[7]! ^= 1
  expect(key.verifies(Buffer.from(signingInput), raw)).toBe(false)
})

describe("Tink's AES-GCM-HKDF streaming vector", () => {
  const vector = ownVectors<{
    readonly hash: 'sha1'
    readonly keyBytes: 16
    readonly segmentBytes: number
    readonly key: string
    readonly associated: string
    readonly plain: string
    readonly sealed: string
  }>('tink-aes-gcm-hkdf.json')
  const plain = bytes(vector.plain)
  const sealed = bytes(vector.sealed)
  const resume = () =>
    TinkStream.resume(
      vector,
      createSecretKey(bytes(vector.key)),
      bytes(vector.associated),
      sealed.subarray(0, 24),
    )!

  test('sealing makes it byte for byte', () => {
    const sealer = sealStream(resume())
    const pieces = [sealer.header, ...sealer.push(plain), ...sealer.finish()]
    expect(Buffer.concat(pieces).toString('hex')).toBe(vector.sealed)
    expect(new StreamLayout(plain.length, 64, 24).sealedLength).toBe(162)
  })

  test('every one of its 4186 ranges opens', () => {
    const layout = new StreamLayout(plain.length, vector.segmentBytes, 24)
    const opener = openStream(resume(), 'vector', plain.length)
    let ranges = 0
    for (let start = 0; start <= plain.length; start++) {
      for (let end = start; end <= plain.length; end++) {
        const at = layout.locate({ start, end })
        expect(at.fileStart).toBe(layout.fileStart(at.first))
        expect(at.fileEnd).toBe(layout.fileEnd(at.last))
        const opened: Buffer[] = []
        for (let i = at.first; i <= at.last; i++) {
          opened.push(opener.openSegment(i, sealed.subarray(layout.fileStart(i), layout.fileEnd(i))))
        }
        const part = Buffer.concat(opened).subarray(at.skip, at.skip + end - start)
        if (!part.equals(plain.subarray(start, end))) expect.fail(`range ${start}-${end}`)
        ranges++
      }
    }
    expect(ranges).toBe(4186)
  })
})
