/**
 * Preloaded (`node --import`) into a server under test: writes down every key that comes to be or is opened there, so
 * that its files can be searched for them. The server itself knows nothing of it.
 *
 * CANARY_KEY_LOG names the file; one line a key: what it is, a space, hexadecimal.
 */
import crypto, { type KeyObject } from 'node:crypto'
import { appendFileSync } from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { promisify } from 'node:util'

const file = process.env['CANARY_KEY_LOG']
if (file === undefined) throw new Error('CANARY_KEY_LOG names no file')
const known = new Set<string>()

function note(what: string, bytes: Uint8Array): void {
  const line = `${what} ${Buffer.from(bytes).toString('hex')}\n`
  if (known.has(line)) return
  known.add(line)
  appendFileSync(file ?? '', line)
}

/** The private numbers, each of which gives the key away. */
function notePrivate(what: string, key: KeyObject): void {
  const jwk = key.export({ format: 'jwk' }) as Readonly<Record<string, string>>
  for (const name of ['d', 'p', 'q', 'dp', 'dq', 'qi']) {
    if (jwk[name] !== undefined) note(`${what} ${name}`, Buffer.from(jwk[name], 'base64url'))
  }
}

const { createSecretKey, createPrivateKey, generateKeyPair, hkdfSync } = crypto

const makeSecret = (...args: Parameters<typeof createSecretKey>): KeyObject => {
  const key = createSecretKey(...args)
  note('secret', key.export())
  return key
}
const makePrivate = (...args: Parameters<typeof createPrivateKey>): KeyObject => {
  const key = createPrivateKey(...args)
  notePrivate('private', key)
  return key
}
const derive = (...args: Parameters<typeof hkdfSync>): ArrayBuffer => {
  const derived = hkdfSync(...args)
  // A key, and the nonce that goes with it.
  note('derived', Buffer.from(derived).subarray(0, 32))
  return derived
}

interface Pair {
  readonly privateKey: KeyObject
  readonly publicKey: KeyObject
}
const pairOf = promisify(generateKeyPair) as (...args: unknown[]) => Promise<Pair>
const makePair = async (...args: unknown[]): Promise<Pair> => {
  const pair = await pairOf(...args)
  notePrivate('generated', pair.privateKey)
  return pair
}

Object.assign(crypto, {
  createSecretKey: makeSecret,
  createPrivateKey: makePrivate,
  hkdfSync: derive,
  generateKeyPair: Object.assign(
    () => {
      throw new Error('only the promised form of generateKeyPair is watched')
    },
    { [promisify.custom]: makePair },
  ),
})
syncBuiltinESMExports()
