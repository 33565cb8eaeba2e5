import { createPrivateKey } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { openGcm, sealGcm } from '../../src/crypto/aes-gcm.ts'
import { KeyFault, TokenFault } from '../../src/crypto/faults.ts'
import { hmacSha256, sameTag } from '../../src/crypto/hmac.ts'
import { RsaKey, type RsaPrivateJwk } from '../../src/crypto/rsa-key.ts'
import { decryptOaep } from '../../src/crypto/rsa-oaep.ts'
import { PublicTokenKey, verifyJws } from '../../src/crypto/token.ts'
import { bytes, hasWycheproof, whyNoWycheproof, wycheproofVectors } from './vector-file.ts'

interface Case {
  readonly tcId: number
  readonly comment: string
  readonly result: 'valid' | 'invalid' | 'acceptable'
}
type Hex<K extends string> = Readonly<Record<K, string>>
interface Groups<G, T> {
  readonly testGroups: readonly (G & { readonly tests: readonly (Case & T)[] })[]
}

/** Runs every case and compares the verdicts at once, so that a failure lists all that disagree. */
async function judge<T>(
  cases: readonly (Case & T)[],
  verdict: (one: Case & T) => boolean | Promise<boolean>,
): Promise<number> {
  const disagreeing: string[] = []
  for (const one of cases) {
    if (one.result === 'acceptable') continue
    if ((await verdict(one)) !== (one.result === 'valid')) disagreeing.push(`${one.tcId} ${one.comment}`)
  }
  expect(disagreeing).toEqual([])
  return cases.length
}

if (!hasWycheproof) {
  console.log(whyNoWycheproof)
  test.skip(whyNoWycheproof)
}

describe.runIf(hasWycheproof)('Wycheproof', () => {
  test('AES-256-GCM with 96-bit nonces', async () => {
    const file =
      wycheproofVectors<
        Groups<{ keySize: number; ivSize: number }, Hex<'key' | 'iv' | 'aad' | 'msg' | 'ct' | 'tag'>>
      >('aes_gcm_test.json')
    const groups = file.testGroups.filter((group) => group.keySize === 256 && group.ivSize === 96)
    const cases = groups.flatMap((group) => group.tests)
    const count = await judge(cases, ({ key, iv, aad, msg, ct, tag, result }) => {
      const opened = openGcm(bytes(key), bytes(iv), bytes(aad), bytes(ct + tag))
      if (result === 'valid') {
        const sealed = Buffer.concat(sealGcm(bytes(key), bytes(iv), bytes(aad), [bytes(msg)]))
        expect(sealed.toString('hex')).toBe(ct + tag)
      }
      return opened?.toString('hex') === msg
    })
    expect(count).toBeGreaterThan(60)
  })

  test('HMAC-SHA-256', async () => {
    const file =
      wycheproofVectors<Groups<{ tagSize: number }, Hex<'key' | 'msg' | 'tag'>>>('hmac_sha256_test.json')
    for (const { tagSize, tests } of file.testGroups) {
      await judge(tests, ({ key, msg, tag }) =>
        sameTag(hmacSha256(bytes(key), bytes(msg)).subarray(0, tagSize / 8), bytes(tag)),
      )
    }
    expect(file.testGroups.length).toBeGreaterThan(3)
  })

  test.each([
    'rsa_oaep_2048_sha1_mgf1sha1_test.json',
    'rsa_oaep_2048_sha256_mgf1sha256_test.json',
    'rsa_oaep_3072_sha256_mgf1sha256_test.json',
    'rsa_oaep_4096_sha256_mgf1sha256_test.json',
    'rsa_oaep_misc_test.json',
  ])('RSA-OAEP: %s', async (name) => {
    const file = wycheproofVectors<
      Groups<
        {
          readonly keySize: number
          readonly sha: string
          readonly mgfSha: string
          readonly privateKeyPkcs8: string
          readonly privateKeyJwk?: RsaPrivateJwk
        },
        Hex<'msg' | 'ct' | 'label'>
      >
    >(name)
    const paddings = new Map([
      ['SHA-1', 'RSA-OAEP'],
      ['SHA-256', 'RSA-OAEP-256'],
    ] as const)
    let ran = 0
    for (const group of file.testGroups) {
      const padding = paddings.get(group.sha as 'SHA-1')
      if (padding === undefined || group.sha !== group.mgfSha || group.keySize < 2048) continue
      const key = createPrivateKey({ key: bytes(group.privateKeyPkcs8), format: 'der', type: 'pkcs8' })
      // Our API has no label, so a cipher text with one must not open.
      const cases = group.tests.map((one) =>
        one.label === '' ? one : { ...one, result: 'invalid' as const },
      )
      ran += await judge(
        cases,
        ({ ct, msg }) => decryptOaep(key, padding, bytes(ct))?.toString('hex') === msg,
      )
      if (![2048, 3072, 4096].includes(group.keySize) || group.privateKeyJwk === undefined) continue
      const vaultKey = RsaKey.fromJwk(group.privateKeyJwk)
      await judge(cases, async ({ ct, msg }) => {
        try {
          return (await vaultKey.decrypt(padding, bytes(ct))).toString('hex') === msg
        } catch (error) {
          expect(error).toBeInstanceOf(KeyFault)
          expect((error as KeyFault).code).toBe('decrypt-failed')
          return false
        }
      })
    }
    expect(ran).toBeGreaterThan(15)
  })

  test('RSA signatures, 2048 bits, SHA-256', async () => {
    const file = wycheproofVectors<
      Groups<{ publicKey: Hex<'modulus' | 'publicExponent'> }, Hex<'msg' | 'sig'>>
    >('rsa_signature_2048_sha256_test.json')
    for (const { publicKey, tests } of file.testGroups) {
      const member = (hex: string) => bytes(hex.replace(/^(00)+/, '')).toString('base64url')
      const key = PublicTokenKey.fromJwk({
        kid: 'k',
        n: member(publicKey.modulus),
        e: member(publicKey.publicExponent.padStart(6, '0')),
      })
      await judge(tests, ({ msg, sig }) => key.verifies(bytes(msg), bytes(sig)))
    }
    expect(file.testGroups.length).toBe(3)
  })

  interface Jwk {
    readonly kty: string
    readonly use?: string
    readonly alg?: string
    readonly key_ops?: readonly string[]
    readonly kid: string
    readonly n: string
    readonly e: string
  }
  const accepts = (jwk: Jwk, jws: unknown): boolean => {
    try {
      const key = PublicTokenKey.fromJwk(jwk)
      verifyJws(String(jws), new Map([[jwk.kid, key]]))
      return true
    } catch (error) {
      expect(error instanceof TokenFault || error instanceof KeyFault).toBe(true)
      return false
    }
  }

  test('JSON Web Signature, RS256 keys; other algorithms of RSA keys are refused', async () => {
    const file = wycheproofVectors<Groups<{ public?: Jwk; private?: Jwk }, { jws: unknown }>>(
      'json_web_signature_test.json',
    )
    let ran = 0
    for (const { public: jwk, tests } of file.testGroups) {
      if (jwk?.kty !== 'RSA') continue
      const cases = ['RS256', undefined].includes(jwk.alg)
        ? tests
        : tests.map((one) => ({ ...one, result: 'invalid' as const }))
      ran += await judge(cases, ({ jws }) => accepts(jwk, jws))
    }
    expect(ran).toBeGreaterThan(300)
  })

  test('JSON Web Key: keys for encryption, short keys and the exponent 1 are refused', async () => {
    const file =
      wycheproofVectors<Groups<{ comment: string; public?: { keys: readonly Jwk[] } }, { jws: unknown }>>(
        'json_web_key_test.json',
      )
    const ours = ['rs256', 'keysize_too_small', 'exponentOne']
    let ran = 0
    for (const group of file.testGroups) {
      const jwk = group.public?.keys[0]
      if (jwk === undefined || !ours.includes(group.comment)) continue
      ran += await judge(group.tests, ({ jws }) => accepts(jwk, jws))
    }
    expect(ran).toBe(4)
  })
})
