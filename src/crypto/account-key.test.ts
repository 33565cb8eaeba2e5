import { createHmac, randomBytes } from 'node:crypto'
import { inspect } from 'node:util'
import { describe, expect, it } from 'vitest'
import { AccountKey } from './account-key.ts'
import { MacKey } from './mac-key.ts'

const text = Buffer.alloc(64, 7).toString('base64')
const key = parsed(text)

function parsed(from: string): AccountKey {
  const made = AccountKey.parse(from)
  if (made === null) throw new Error('it is no key')
  return made
}

describe('AccountKey', () => {
  it('signs as Azure does: HMAC-SHA-256 of the UTF-8, base64 (RFC 4231 case 6, whose key is no shorter than ours)', () => {
    const long = parsed(Buffer.alloc(131, 0xaa).toString('base64'))
    const expected = '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54'
    const signature = long.sign('Test Using Larger Than Block-Size Key - Hash Key First')
    expect(Buffer.from(signature, 'base64').toString('hex')).toBe(expected)
  })

  it('signs what is not ASCII as UTF-8', () => {
    const expected = createHmac('sha256', Buffer.alloc(64, 7)).update('정산\n보고', 'utf8').digest('base64')
    expect(key.sign('정산\n보고')).toBe(expected)
  })

  it('verifies its own signatures, and none of another key or text', () => {
    const signature = key.sign('GET')
    expect(key.verify('GET', signature)).toBe(true)
    expect(key.verify('PUT', signature)).toBe(false)
    expect(parsed(AccountKey.generateText()).verify('GET', signature)).toBe(false)
  })

  it.each([
    ['without its padding', (signature: string) => signature.replace(/=+$/, '')],
    ['in the alphabet of URLs', (signature: string) => signature.replaceAll('+', '-').replaceAll('/', '_')],
    ['with a blank in it', (signature: string) => `${signature.slice(0, 4)} ${signature.slice(4)}`],
    ['with bits behind the last byte', (signature: string) => `${signature.slice(0, 42)}${next(signature)}=`],
    ['cut short', (signature: string) => signature.slice(0, 40)],
    ['twice as long', (signature: string) => signature + signature],
    ['empty', () => ''],
  ])('refuses a signature %s, though it may decode to the same bytes', (_how, change) => {
    // Of this text, + and / are both in the signature.
    const stringToSign = 'GET 5'
    const signature = key.sign(stringToSign)
    expect(signature).toMatch(/\+.*\/|\/.*\+/)
    expect(key.verify(stringToSign, signature)).toBe(true)
    expect(key.verify(stringToSign, change(signature))).toBe(false)
  })

  it('generates 64 bytes, never the same', () => {
    const made = AccountKey.generateText()
    expect(Buffer.from(made, 'base64')).toHaveLength(64)
    expect(AccountKey.generateText()).not.toBe(made)
  })

  it.each([
    ['what is shorter than the hash', randomBytes(31).toString('base64')],
    ['what is not base64', `${text.slice(0, 20)}*${text.slice(21)}`],
    ['base64 without its padding', text.replace(/=+$/, '')],
    ['nothing', ''],
  ])('takes no key from %s', (_what, from) => {
    expect(AccountKey.parse(from)).toBeNull()
  })

  it('shows nothing of itself', () => {
    expect(`${inspect(key)}${JSON.stringify({ key })}`).toBe('[AccountKey]{"key":"[AccountKey]"}')
  })
})

describe('AccountKey.derive()', () => {
  const secret = MacKey.generate()

  it('gives the same key for the same parts, as its text does', () => {
    const derived = AccountKey.derive(secret, 'context', 'a', 'b')
    expect(AccountKey.derive(secret, 'context', 'a', 'b').sign('GET')).toBe(derived.sign('GET'))
    expect(parsed(AccountKey.deriveText(secret, 'context', 'a', 'b')).sign('GET')).toBe(derived.sign('GET'))
  })

  it.each([
    ['another secret', MacKey.generate(), 'context', ['a', 'b']],
    ['another context', secret, 'contexT', ['a', 'b']],
    ['another part', secret, 'context', ['a', 'c']],
    ['the same letters in other parts', secret, 'context', ['ab', '']],
    ['a part more', secret, 'context', ['a', 'b', '']],
  ])('gives another key for %s', (_what, otherSecret, context, parts) => {
    const derived = AccountKey.deriveText(secret, 'context', 'a', 'b')
    expect(AccountKey.deriveText(otherSecret, context, ...parts)).not.toBe(derived)
  })
})

/** The character after the last but one of a signature: its lower two bits are behind the last byte. */
function next(signature: string): string {
  const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
  return alphabet.charAt(alphabet.indexOf(signature.charAt(42)) + 1)
}
