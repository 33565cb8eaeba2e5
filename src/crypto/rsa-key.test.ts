import { execFile } from 'node:child_process'
import { type KeyObject, createPrivateKey, generateKeyPairSync } from 'node:crypto'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, test } from 'vitest'
import { Outage } from '../kernel/fault.ts'
import { KeyFault, SealFault } from './faults.ts'
import { randomBytes } from './random.ts'
import { RecordKey } from './record-key.ts'
import { encryptOaep } from './rsa-oaep.ts'
import { RsaKey, type RsaPadding, type RsaPrivateJwk } from './rsa-key.ts'
import { RsaPool } from './rsa-pool.ts'

const paddings: readonly RsaPadding[] = ['RSA-OAEP', 'RSA-OAEP-256']
let key: RsaKey

beforeAll(async () => {
  key = await RsaKey.generate(2048)
})

describe('RsaKey', () => {
  test.each([2048, 3072, 4096] as const)(
    'of %d bits opens what it encrypts, up to the limit',
    async (bits) => {
      const own = await RsaKey.generate(bits)
      expect(own.bits).toBe(bits)
      expect(own.modulus.length).toBe(bits / 8)
      expect(own.modulus[0]).toBeGreaterThanOrEqual(0x80)
      expect(Buffer.from(own.exponent).toString('hex')).toBe('010001')
      for (const [padding, overhead] of [
        ['RSA-OAEP', 42],
        ['RSA-OAEP-256', 66],
      ] as const) {
        const maxBytes = bits / 8 - overhead
        for (const length of [0, 32, maxBytes]) {
          const plain = randomBytes(length)
          const cipher = await own.encrypt(padding, plain)
          expect(cipher.length).toBe(bits / 8)
          expect((await own.decrypt(padding, cipher)).equals(plain)).toBe(true)
        }
        await expect(own.encrypt(padding, Buffer.alloc(maxBytes + 1))).rejects.toMatchObject({
          code: 'too-long',
          facts: { maxBytes },
        })
      }
    },
    60_000,
  )

  test('all that does not open is refused in the same words', async () => {
    const plain = randomBytes(32)
    const cipher = await key.encrypt('RSA-OAEP-256', plain)
    const flipped = Buffer.from(cipher)
    flipped[100]! ^= 1
    const other = await RsaKey.generate(2048)
    const tries = [
      flipped,
      cipher.subarray(1),
      Buffer.concat([Buffer.alloc(1), cipher]),
      Buffer.alloc(0),
      Buffer.alloc(256),
      Buffer.alloc(256, 0xff),
      Buffer.from(key.modulus),
      await key.encrypt('RSA-OAEP', plain),
      await other.encrypt('RSA-OAEP-256', plain),
    ]
    const refusals = await Promise.all(
      tries.map((one) => key.decrypt('RSA-OAEP-256', one).catch((error: unknown) => error)),
    )
    for (const refusal of refusals) {
      expect(refusal).toBeInstanceOf(KeyFault)
      expect(refusal).toMatchObject({ code: 'decrypt-failed', facts: {}, message: 'decrypt-failed' })
      expect((refusal as Error).cause).toBeUndefined()
    }
    expect((await key.decrypt('RSA-OAEP-256', cipher)).equals(plain)).toBe(true)
  })

  test('a cipher text that begins with a zero is not opened without it', async () => {
    let cipher = await key.encrypt('RSA-OAEP-256', Buffer.from('x'))
    while (cipher[0] !== 0) cipher = await key.encrypt('RSA-OAEP-256', Buffer.from('x'))
    expect(String(await key.decrypt('RSA-OAEP-256', cipher))).toBe('x')
    await expect(key.decrypt('RSA-OAEP-256', cipher.subarray(1))).rejects.toThrow('decrypt-failed')
  })

  test('seal() and fromSealed() give the same key back, in its context only', async () => {
    const under = RecordKey.generate()
    const sealed = key.seal(under, 'vault/key/1')
    const again = RsaKey.fromSealed(sealed, under, 'vault/key/1')
    expect(again.modulus).toEqual(key.modulus)
    const plain = randomBytes(20)
    expect((await again.decrypt('RSA-OAEP', await key.encrypt('RSA-OAEP', plain))).equals(plain)).toBe(true)
    expect(() => RsaKey.fromSealed(sealed, under, 'vault/key/2')).toThrow(SealFault)
  })

  test('generation leaves the event loop free', async () => {
    const before = process.threadCpuUsage()
    await RsaKey.generate(4096)
    const used = process.threadCpuUsage(before)
    // It takes 300 ms and more of some thread.
    expect((used.user + used.system) / 1000).toBeLessThan(100)
  })
})

describe('RsaKey.fromJwk()', () => {
  let jwk: RsaPrivateJwk
  let object: KeyObject
  const number = (text: string) => BigInt(`0x${Buffer.from(text, 'base64url').toString('hex')}`)
  const text = (value: bigint) => {
    const hex = value.toString(16)
    return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex').toString('base64url')
  }
  const reasonOf = (one: RsaPrivateJwk): string => {
    try {
      RsaKey.fromJwk(one)
    } catch (error) {
      expect(error).toMatchObject({ name: 'KeyFault', code: 'bad-key' })
      const { reason } = (error as KeyFault<'bad-key'>).facts
      for (const secret of [jwk.d, jwk.p, jwk.q]) expect(reason).not.toContain(secret.slice(0, 8))
      return reason
    }
    return 'accepted'
  }

  beforeAll(() => {
    object = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
    jwk = object.export({ format: 'jwk' }) as unknown as RsaPrivateJwk
  })

  test.each([
    [2048, 3],
    [2048, 65537],
    [3072, 65537],
    [4096, 3],
  ])(
    'takes a key of %d bits with the exponent %d',
    async (modulusLength, publicExponent) => {
      const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength, publicExponent })
      const own = RsaKey.fromJwk(privateKey.export({ format: 'jwk' }) as unknown as RsaPrivateJwk)
      expect(own.bits).toBe(modulusLength)
      for (const padding of paddings) {
        const cipher = encryptOaep(publicKey, padding, Buffer.from('x'))
        expect((await own.decrypt(padding, cipher)).toString()).toBe('x')
      }
    },
    60_000,
  )

  test('tolerates leading zeros, and d modulo (p-1)(q-1) instead of the least common multiple', () => {
    const padded = (member: string) =>
      Buffer.concat([Buffer.alloc(1), Buffer.from(member, 'base64url')]).toString('base64url')
    expect(reasonOf({ ...jwk, n: padded(jwk.n), d: padded(jwk.d), p: padded(jwk.p) })).toBe('accepted')
    expect(RsaKey.fromJwk({ ...jwk, n: padded(jwk.n) }).modulus.length).toBe(256)
    const [p, q, d] = [number(jwk.p), number(jwk.q), number(jwk.d)]
    const phi = (p - 1n) * (q - 1n)
    const gcd = (a: bigint, b: bigint): bigint => (b === 0n ? a : gcd(b, a % b))
    const lambda = phi / gcd(p - 1n, q - 1n)
    expect(reasonOf({ ...jwk, d: text((d % lambda) + lambda) })).toBe('accepted')
  })

  test('refuses numbers that do not belong together', () => {
    const changed = (name: keyof RsaPrivateJwk, by: bigint) => ({
      ...jwk,
      [name]: text(number(jwk[name]) + by),
    })
    expect(reasonOf(changed('n', 2n))).toBe('p times q is not n')
    expect(reasonOf(changed('p', 2n))).toBe('p times q is not n')
    expect(reasonOf(changed('d', 2n))).toBe('d does not belong to e, p and q')
    expect(reasonOf(changed('dp', 1n))).toBe('dp does not belong to d')
    expect(reasonOf(changed('dq', -1n))).toBe('dq does not belong to d')
    expect(reasonOf(changed('qi', 1n))).toBe('qi is not the inverse of q modulo p')
    expect(reasonOf({ ...jwk, p: jwk.q, q: jwk.p })).toMatch(/does not belong/)
    expect(reasonOf({ ...jwk, p: text(1n), q: jwk.n })).toMatch(/too long|half/)
    const other = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' })
    expect(reasonOf({ ...jwk, n: other.n! })).toBe('p times q is not n')
  })

  test('refuses exponents that are even, 1, or above 2^32', () => {
    for (const e of [1n, 2n, 65536n, 2n ** 32n + 1n]) {
      expect(reasonOf({ ...jwk, e: text(e) })).toBe('the public exponent must be odd, from 3 to 2^32')
    }
    expect(reasonOf({ ...jwk, e: '' })).toBe('e is missing or zero')
    expect(reasonOf({ ...jwk, e: 'AA' })).toBe('e is missing or zero')
  })

  test('refuses members that are missing, oversized, negative or not base64url', () => {
    const { d: _d, ...withoutD } = jwk
    expect(reasonOf(withoutD as RsaPrivateJwk)).toBe('d is not base64url')
    expect(reasonOf({ ...jwk, d: 5 as unknown as string })).toBe('d is not base64url')
    expect(reasonOf({ ...jwk, d: '-' })).toBe('d is not base64url')
    expect(reasonOf({ ...jwk, d: `${jwk.d}=` })).toBe('d is not base64url')
    expect(reasonOf({ ...jwk, p: text(2n ** 1024n) })).toBe('p is too long')
    expect(reasonOf({ ...jwk, d: text(2n ** 2048n) })).toBe('d is too long')
    expect(reasonOf({ ...jwk, n: text(2n ** 4096n) })).toBe('n is too long')
    expect(reasonOf({ ...jwk, n: 'A'.repeat(10_000) })).toBe('n is not base64url')
    // A number that some library wrote in two's complement: it reads as a huge one.
    const negative = Buffer.from(jwk.d, 'base64url').map((byte) => ~byte & 0xff)
    expect(reasonOf({ ...jwk, d: Buffer.from(negative).toString('base64url') })).not.toBe('accepted')
  })

  test.each([1024, 2056, 1536, 4104])('refuses %d bits', (modulusLength) => {
    const { privateKey } = generateKeyPairSync('rsa', { modulusLength })
    const reason = reasonOf(privateKey.export({ format: 'jwk' }) as unknown as RsaPrivateJwk)
    expect(reason).toMatch(/2048, 3072 or 4096|too long/)
  })

  test('refuses composite factors that pass the arithmetic', () => {
    // p' = a * b of two 512-bit primes: e * d = 1 holds modulo p' - 1, but the key does not open what it seals.
    const q = number(jwk.q)
    const e = number(jwk.e)
    for (let attempt = 0; attempt < 50; attempt++) {
      const half = generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey.export({ format: 'jwk' })
      const p = number(half.n!)
      const n = p * q
      const phi = (p - 1n) * (q - 1n)
      const d = inverse(e, phi)
      if (d === null || n.toString(2).length !== 2048) continue
      const made = { n, e, d, p, q, dp: d % (p - 1n), dq: d % (q - 1n), qi: inverse(q, p) ?? 0n }
      const members = Object.entries(made).map(([name, value]) => [name, text(value)])
      expect(reasonOf(Object.fromEntries(members) as RsaPrivateJwk)).toMatch(/does not open|make no key/)
      return
    }
    expect.unreachable('no composite key was found')
  })

  function inverse(a: bigint, modulus: bigint): bigint | null {
    let [r0, r1, t0, t1] = [modulus, a % modulus, 0n, 1n]
    while (r1 !== 0n) [r0, r1, t0, t1] = [r1, r0 % r1, t1, t0 - (r0 / r1) * t1]
    return r0 === 1n ? ((t0 % modulus) + modulus) % modulus : null
  }
})

describe('RsaPool', () => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const cipher = encryptOaep(publicKey, 'RSA-OAEP-256', Buffer.from('plain'))

  test('answers many at once, each with its own', async () => {
    const pool = new RsaPool(2, 100)
    const plains = Array.from({ length: 60 }, (_, i) => `plain ${i}`)
    const opened = await Promise.all(
      plains.map((plain) =>
        pool.decrypt(privateKey, 'RSA-OAEP', encryptOaep(publicKey, 'RSA-OAEP', Buffer.from(plain))),
      ),
    )
    expect(opened.map(String)).toEqual(plains)
  })

  test('is an Outage with a time to come back once its queue is full, and works again after', async () => {
    const pool = new RsaPool(1, 3)
    const results = await Promise.allSettled(
      Array.from({ length: 12 }, () => pool.decrypt(privateKey, 'RSA-OAEP-256', cipher)),
    )
    const refused = results.filter((result) => result.status === 'rejected')
    // One thread holds two, three wait.
    expect(refused.length).toBe(7)
    for (const { reason } of refused) {
      expect(reason).toBeInstanceOf(Outage)
      expect((reason as Outage).retryAfterSeconds).toBe(1)
    }
    expect(String(await pool.decrypt(privateKey, 'RSA-OAEP-256', cipher))).toBe('plain')
  })

  test('leaves the event loop free while it works', async () => {
    const slow = createPrivateKey(
      generateKeyPairSync('rsa', { modulusLength: 4096 }).privateKey.export({ format: 'pem', type: 'pkcs8' }),
    )
    const pool = new RsaPool(1, 100)
    await pool.decrypt(slow, 'RSA-OAEP', Buffer.alloc(512, 1))
    const before = process.threadCpuUsage()
    await Promise.all(Array.from({ length: 60 }, () => pool.decrypt(slow, 'RSA-OAEP', Buffer.alloc(512, 1))))
    const used = process.threadCpuUsage(before)
    // Inline, sixty of them take more than 80 ms of this thread.
    expect((used.user + used.system) / 1000).toBeLessThan(40)
  })

  test('does not keep the process alive when idle, but does while it works', async () => {
    const module = JSON.stringify(new URL('./rsa-key.ts', import.meta.url).href)
    const program = `
      const { RsaKey } = await import(${module})
      const key = await RsaKey.generate(2048)
      const cipher = await key.encrypt('RSA-OAEP', Buffer.from('hello'))
      await key.decrypt('RSA-OAEP', cipher)
      await new Promise((resolve) => setTimeout(resolve, 20))
      void key.decrypt('RSA-OAEP', cipher).then((plain) => console.log(String(plain)))`
    const { stdout } = await promisify(execFile)(
      process.execPath,
      ['--input-type=module', '--eval', program],
      { timeout: 20_000 },
    )
    expect(stdout).toBe('hello\n')
  }, 30_000)
})
