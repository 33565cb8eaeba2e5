import { randomGuid } from '../../crypto/random.ts'
import { asBuffer, base64url, parseBase64url } from '../../kernel/bytes.ts'
import { Outage } from '../../kernel/fault.ts'
import { type JsonObject, isJsonObject } from '../../kernel/json.ts'
import { formatKeyIdentifier } from '../keyring/key-id.ts'
import { type KeyDescription, KeyHolderFault, type KeyHolder, type KeyIdentifier } from '../keyring/ports.ts'
import { refusalWords } from '../keyring/refusal-words.ts'
import { jsonOf, outageOf, refusalOf } from './answers.ts'
import type { HttpsClient } from './https-client.ts'

/** Known to every Key Vault since 2022. */
const API_VERSION = '7.3'
const ALGORITHM = 'RSA-OAEP-256'

export interface RemoteKeyHolderDeps {
  readonly client: HttpsClient
  /** The vault did not take this token: it is not to be shown again. */
  readonly tokenRefused: (token: string) => void
}

interface Call {
  readonly key: KeyIdentifier
  readonly token: string
  readonly signal: AbortSignal
}

/**
 * A vault of another server, over its own protocol. It pushes nothing: the lease is the bound, and a newer version is found
 * when a lease is renewed.
 */
export function remoteKeyHolder({ client, tokenRefused }: RemoteKeyHolderDeps): KeyHolder {
  async function ask(
    { key, token, signal }: Call,
    operation: 'wrapkey' | 'unwrapkey' | null,
    value?: Uint8Array,
  ) {
    const url = urlOf(key, operation)
    const answer = await client.send(
      {
        method: operation === null ? 'GET' : 'POST',
        url,
        headers: headersOf(token),
        ...(value === undefined ? {} : { body: JSON.stringify({ alg: ALGORITHM, value: base64url(value) }) }),
      },
      signal,
    )
    try {
      const json = answer.status === 200 ? jsonOf(answer) : null
      if (json !== null) return json
      const cause = refusalOf(answer, operation === 'unwrapkey')
      if (cause === null) throw outageOf(answer, url)
      if (cause === 'token-refused') tokenRefused(token)
      const facts = { cause, keyId: formatKeyIdentifier(key), message: refusalWords[cause] }
      throw new KeyHolderFault('refused', facts)
    } finally {
      answer.body.fill(0)
    }
  }

  return {
    describe: async (key, token, signal) => descriptionOf(await ask({ key, token, signal }, null), key),
    async wrap(key, payload, token, signal) {
      const json = await ask({ key, token, signal }, 'wrapkey', payload)
      const { kid, value } = resultOf(json, key)
      return { kid, wrapped: value }
    },
    async unwrap(key, wrapped, token, signal) {
      const json = await ask({ key, token, signal }, 'unwrapkey', wrapped)
      return resultOf(json, key).value
    },
    watch: () => ({ [Symbol.dispose]: () => undefined }),
  }
}

function urlOf({ vaultUrl, name, version }: KeyIdentifier, operation: string | null): URL {
  const path = [vaultUrl, 'keys', name, version ?? '', ...(operation === null ? [] : [operation])].join('/')
  return new URL(`${path}?api-version=${API_VERSION}`)
}

function headersOf(token: string): Readonly<Record<string, string>> {
  return {
    authorization: `Bearer ${token}`,
    accept: 'application/json',
    'content-type': 'application/json',
    'user-agent': 'strongroom-keyring',
    'x-ms-client-request-id': randomGuid(),
  }
}

/** https://learn.microsoft.com/rest/api/keyvault/keys/wrap-key/wrap-key#keyoperationresult */
function resultOf(
  { kid, value }: JsonObject,
  key: KeyIdentifier,
): { readonly kid: string; readonly value: Buffer } {
  const raw = typeof value === 'string' ? parseBase64url(value) : null
  if (typeof kid !== 'string' || raw === null) throw unreadable(key)
  return { kid, value: raw }
}

/** https://learn.microsoft.com/rest/api/keyvault/keys/get-key/get-key#keybundle */
function descriptionOf({ key: jwk, attributes }: JsonObject, key: KeyIdentifier): KeyDescription {
  if (!isJsonObject(jwk) || !isJsonObject(attributes)) throw unreadable(key)
  const { kid, kty, n, key_ops: operations } = jwk
  const { enabled, exp, recoveryLevel } = attributes
  if (typeof kid !== 'string' || typeof kty !== 'string') throw unreadable(key)
  return {
    kid,
    version: kid.split('/').at(-1) ?? '',
    keyType: kty,
    bits: typeof n === 'string' ? bitsOf(n) : 0,
    enabled: enabled === true,
    expiresAt: typeof exp === 'number' ? new Date(exp * 1000) : null,
    recoveryLevel: typeof recoveryLevel === 'string' ? recoveryLevel : '',
    keyOperations: Array.isArray(operations) ? operations.filter((one) => typeof one === 'string') : [],
  }
}

/** Length of a modulus, which may come with zeros in front. */
function bitsOf(modulus: string): number {
  const raw = asBuffer(parseBase64url(modulus) ?? Buffer.alloc(0))
  const first = raw.findIndex((byte) => byte !== 0)
  return first < 0 ? 0 : (raw.length - first) * 8
}

function unreadable({ vaultUrl }: KeyIdentifier): Outage {
  return new Outage("a vault's answer cannot be read", {
    detail: `${vaultUrl} gave an answer that is none of a key vault's.`,
  })
}
