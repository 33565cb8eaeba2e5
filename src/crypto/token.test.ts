import { createHmac, createPrivateKey, createPublicKey } from 'node:crypto'
import { CompactSign, generateKeyPair, importJWK, jwtVerify } from 'jose'
import { beforeAll, describe, expect, test } from 'vitest'
import { sha1 } from './digest.ts'
import { SealFault, TokenFault } from './faults.ts'
import { RecordKey } from './record-key.ts'
import { MAX_TOKEN_BYTES, PublicTokenKey, TokenSigner, verifyToken, rememberingVerifier } from './token.ts'

const now = new Date('2026-11-24T12:00:00Z')
const seconds = now.getTime() / 1000
const valid = { exp: seconds + 60, nbf: seconds - 60, aud: 'a', name: 'Zoë' }

let signer: TokenSigner
let keys: ReadonlyMap<string, TokenSigner>
beforeAll(async () => {
  signer = await TokenSigner.generate()
  keys = new Map([[signer.kid, signer]])
})

const base64url = (value: unknown) =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url')

/** A token with any header and payload whose signature is genuine: made with jose and the key out of its sealed form. */
async function forged(header: object, payload: string): Promise<string> {
  const under = RecordKey.generate()
  const plain = under.open('token signing key', signer.seal(under))
  const der = plain.subarray(4, 4 + plain.readUInt32BE(0))
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
  return new CompactSign(Buffer.from(payload))
    .setProtectedHeader({ alg: 'RS256', ...header })
    .sign(key, { crit: { exp: true } })
}

async function refusal(token: string, at = now): Promise<TokenFault> {
  const error: unknown = await verifyToken(token, keys, at).catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(TokenFault)
  return error as TokenFault
}

describe('TokenSigner', () => {
  test('signs what verifyToken() takes, with the header that Entra ID writes', async () => {
    const token = await signer.sign(valid)
    expect(await verifyToken(token, keys, now)).toEqual(valid)
    const header: unknown = JSON.parse(Buffer.from(token.split('.')[0]!, 'base64url').toString())
    expect(header).toEqual({ typ: 'JWT', alg: 'RS256', x5t: signer.kid, kid: signer.kid })
  })

  test('publishes a key whose certificate carries it and whose x5t names the certificate', () => {
    const { jwk } = signer
    const certificate = Buffer.from(jwk.x5c[0], 'base64')
    expect(jwk.x5t).toBe(sha1(certificate).toString('base64url'))
    const pem = `-----BEGIN CERTIFICATE-----\n${jwk.x5c[0]}\n-----END CERTIFICATE-----`
    expect(createPublicKey(pem).export({ format: 'jwk' })).toMatchObject({ n: jwk.n, e: jwk.e })
    expect(jwk).toMatchObject({ kty: 'RSA', use: 'sig', kid: jwk.x5t, e: 'AQAB' })
  })

  test('jose takes its tokens by the published key, and it takes those of jose', async () => {
    const token = await signer.sign(valid)
    const key = await importJWK({ ...signer.jwk, x5c: [...signer.jwk.x5c] }, 'RS256')
    const { payload } = await jwtVerify(token, key, { currentDate: now })
    expect(payload).toEqual(valid)
    const theirs = await forged({ kid: signer.kid }, JSON.stringify(valid))
    expect(await verifyToken(theirs, keys, now)).toEqual(valid)
  })

  test('comes back from its sealed form, which opens under its key only', async () => {
    const under = RecordKey.generate()
    const sealed = signer.seal(under)
    const again = await TokenSigner.fromSealed(sealed, under)
    expect(again.jwk).toEqual(signer.jwk)
    expect(await verifyToken(await again.sign(valid), keys, now)).toEqual(valid)
    await expect(TokenSigner.fromSealed(sealed, RecordKey.generate())).rejects.toThrow(SealFault)
  })
})

describe('verifyToken()', () => {
  test('holds exp to the second and forgives nbf 300 seconds', async () => {
    const token = await signer.sign({ exp: seconds + 1000, nbf: seconds })
    const at = (offset: number) => new Date((seconds + offset) * 1000)
    expect((await verifyToken(token, keys, at(999.999))).exp).toBe(seconds + 1000)
    expect(await refusal(token, at(1000))).toMatchObject({
      code: 'token-expired',
      facts: { expiredAt: at(1000) },
    })
    expect((await verifyToken(token, keys, at(-300))).nbf).toBe(seconds)
    expect((await refusal(token, at(-301))).code).toBe('token-not-yet-valid')
  })

  test('wants exp and nbf, as numbers that are times', async () => {
    for (const claims of [
      {},
      { exp: valid.exp },
      { nbf: valid.nbf },
      { ...valid, exp: String(valid.exp) },
      { ...valid, nbf: null },
      { ...valid, exp: 1e300 },
    ]) {
      expect((await refusal(await signer.sign(claims))).code).toBe('token-malformed')
    }
    const infinite = await forged({ kid: signer.kid }, `{"exp":1e999,"nbf":0}`)
    expect((await refusal(infinite)).code).toBe('token-malformed')
  })

  test('takes no algorithm but RS256, whatever the key', async () => {
    const payload = base64url(valid)
    for (const alg of ['none', 'None', 'HS256', 'RS384', 'PS256', 'rs256', '']) {
      const input = `${base64url({ alg, kid: signer.kid })}.${payload}`
      const tag = createHmac('sha256', Buffer.from(signer.jwk.n)).update(input).digest('base64url')
      for (const signature of ['', tag]) {
        expect(await refusal(`${input}.${signature}`)).toMatchObject({
          code: 'token-algorithm',
          facts: { alg },
        })
      }
    }
    const [, body, signature] = (await signer.sign(valid)).split('.')
    for (const header of [{}, { alg: 5, kid: signer.kid }, { alg: ['RS256'], kid: signer.kid }]) {
      expect((await refusal(`${base64url(header)}.${body!}.${signature!}`)).code).toBe('token-malformed')
    }
  })

  test('takes keys from the given set only, by kid', async () => {
    const other = await TokenSigner.generate()
    expect(await refusal(await other.sign(valid))).toMatchObject({
      code: 'token-signature',
      facts: { kid: other.kid },
    })
    expect(await refusal(await forged({ kid: other.kid }, JSON.stringify(valid)))).toMatchObject({
      code: 'token-signature',
    })
    const nameless = await refusal(await forged({}, JSON.stringify(valid)))
    expect(nameless).toMatchObject({ code: 'token-signature', facts: {} })
    const embedded = await generateKeyPair('RS256')
    const own = await new CompactSign(Buffer.from(JSON.stringify(valid)))
      .setProtectedHeader({ alg: 'RS256', kid: signer.kid, jwk: signer.jwk as never })
      .sign(embedded.privateKey)
    expect((await refusal(own)).code).toBe('token-signature')
  })

  test('verifies with a public key from a key set', async () => {
    const published = PublicTokenKey.fromJwk(signer.jwk)
    const set = new Map([[published.kid, published]])
    expect(await verifyToken(await signer.sign(valid), set, now)).toEqual(valid)
  })

  test('refuses a token with any bit of any part flipped', async () => {
    const token = await signer.sign(valid)
    const parts = token.split('.')
    for (let part = 0; part < 3; part++) {
      const raw = Buffer.from(parts[part]!, 'base64url')
      for (let bit = 0; bit < raw.length * 8; bit += 7) {
        const altered = Buffer.from(raw)
        altered[bit >> 3]! ^= 1 << (bit & 7)
        await refusal(parts.with(part, altered.toString('base64url')).join('.'))
      }
    }
  })

  test('refuses what is no token, without looking at long ones', async () => {
    const token = await signer.sign(valid)
    const [head, body, signature] = token.split('.') as [string, string, string]
    const critical = await forged({ kid: signer.kid, crit: ['exp'], exp: 1 }, JSON.stringify(valid))
    for (const text of [
      '',
      '.',
      '..',
      'a.b.c',
      `${head}.${body}`,
      `${token}.`,
      `${token}.${signature}`,
      ` ${token}`,
      `${token}\n`,
      `${head}.${body}.${signature}=`,
      `${base64url('[]')}.${body}.${signature}`,
      `${base64url('null')}.${body}.${signature}`,
      `${base64url('{"alg":"RS256"')}.${body}.${signature}`,
      critical,
      await signer.sign({ ...valid, filler: 'x'.repeat(MAX_TOKEN_BYTES) }),
    ]) {
      expect((await refusal(text)).code).toBe('token-malformed')
    }
    for (const payload of ['[]', '"text"', '5', 'null', '', '{']) {
      expect((await refusal(await forged({ kid: signer.kid }, payload))).code).toBe('token-malformed')
    }
  })

  test('a refusal quotes nothing of the token', async () => {
    const token = `${base64url('{"alg":"RS256","secret')}.${base64url(valid)}.AAAA`
    const error = await refusal(token)
    expect(error.cause).toBeUndefined()
    expect(error.message).toBe('token-malformed')
  })
})

describe('PublicTokenKey.fromJwk()', () => {
  test('refuses short keys, the exponent 1, keys for encryption and what is no key', () => {
    const { n, e } = signer.jwk
    const short = Buffer.from(n, 'base64url').subarray(0, 128).toString('base64url')
    for (const jwk of [
      { kid: 'k', n: short, e },
      { kid: 'k', n, e: 'AQ' },
      { kid: 'k', n: '', e },
      { kid: 'k', n, e, use: 'enc' },
      { kid: 'k', n, e, alg: 'PS256' },
      { kid: 'k', n, e, key_ops: ['encrypt'] },
    ]) {
      expect(() => PublicTokenKey.fromJwk(jwk)).toThrow(expect.objectContaining({ code: 'bad-key' }) as Error)
    }
    expect(PublicTokenKey.fromJwk({ kid: 'k', n, e, use: 'sig', key_ops: ['verify'] }).kid).toBe('k')
  })
})

describe('rememberingVerifier()', () => {
  const remembering = () => rememberingVerifier(new Map([[signer.kid, signer]]), 2)

  test('checks the times of a remembered token each time', async () => {
    const verify = remembering()
    const token = await signer.sign(valid)
    expect(verify(token, now)).toMatchObject(valid)
    const after = new Date(valid.exp * 1000)
    expect(() => verify(token, after)).toThrow(expect.objectContaining({ code: 'token-expired' }) as Error)
    const before = new Date((valid.nbf - 301) * 1000)
    expect(() => verify(token, before)).toThrow(
      expect.objectContaining({ code: 'token-not-yet-valid' }) as Error,
    )
    expect(verify(token, now)).toMatchObject(valid)
  })

  test('takes no token for one that it remembers, and forgets what was not used longest', async () => {
    const verify = remembering()
    const tokens = await Promise.all(['a', 'b', 'c'].map((jti) => signer.sign({ ...valid, jti })))
    for (const token of [...tokens, ...tokens]) expect(verify(token, now)).toMatchObject(valid)
    for (const token of tokens) {
      const other = `${token.slice(0, -8)}AAAAAAA${token.at(-1) ?? ''}`
      expect(() => verify(other, now)).toThrow(expect.objectContaining({ code: 'token-signature' }) as Error)
    }
  })
})
