import { parseBase64url } from '../../kernel/bytes.ts'
import { type Json, type JsonObject, isJsonObject, member } from '../../kernel/json.ts'
import { VaultFault, parameterInvalid } from '../../services/vault/faults.ts'
import type { RsaPadding } from '../../services/vault/key-crypto.ts'
import type { KeyChanges, RsaBits, RsaPrivateJwk } from '../../services/vault/make-keys.ts'
import { type KeyOperation, keyOperations } from '../../services/vault/vault-key.ts'

const MAX_TAGS = 15
const MAX_TAG_CHARACTERS = 256
const MAX_OPERATIONS = 32

/** https://learn.microsoft.com/rest/api/keyvault/keys/create-key/create-key#request-body */
export function readCreate(body: JsonObject): { readonly bits: RsaBits } & KeyChanges {
  checkKeyType(member(body, 'kty'))
  return { bits: readKeySize(body), ...readChanges(body) }
}

/** https://learn.microsoft.com/rest/api/keyvault/keys/import-key/import-key#request-body */
export function readImport(body: JsonObject): { readonly jwk: RsaPrivateJwk } & KeyChanges {
  const key = member(body, 'key')
  if (!isJsonObject(key)) throw parameterInvalid('The property key must be specified.')
  checkKeyType(member(key, 'kty'))
  if (member(body, 'hsm') === true || member(key, 'key_hsm') !== undefined) throw noHsm('RSA-HSM')
  const part = (name: keyof RsaPrivateJwk): string => {
    const value = key[name]
    if (typeof value !== 'string') throw parameterInvalid(`The key cannot be imported: ${name} is missing.`)
    return value
  }
  const jwk = {
    n: part('n'),
    e: part('e'),
    d: part('d'),
    p: part('p'),
    q: part('q'),
    dp: part('dp'),
    dq: part('dq'),
    qi: part('qi'),
  }
  return { jwk, ...readChanges(body), ...readOperations(key) }
}

/** What create and update have in common: `key_ops`, `attributes`, `tags`. */
export function readChanges(body: JsonObject): KeyChanges {
  if (member(body, 'release_policy') !== undefined) {
    throw parameterInvalid(
      'The property release_policy is not supported: keys of this vault are never exported.',
    )
  }
  return { ...readOperations(body), ...readAttributes(body), ...readTags(body) }
}

export function readCrypto(body: JsonObject): {
  readonly padding: RsaPadding
  readonly value: Buffer | null
} {
  const alg = member(body, 'alg')
  if (typeof alg !== 'string') throw parameterInvalid('The property alg must be specified.')
  if (alg !== 'RSA-OAEP' && alg !== 'RSA-OAEP-256') {
    throw parameterInvalid(
      `The algorithm '${alg.slice(0, 64)}' is not supported on keys of type 'RSA': use RSA-OAEP-256 or RSA-OAEP.`,
    )
  }
  const value = member(body, 'value')
  if (typeof value !== 'string' || value === '')
    throw parameterInvalid('The property value must be specified.')
  return { padding: alg, value: parseBase64url(value) }
}

function checkKeyType(kty: Json | undefined): void {
  if (kty === 'RSA') return
  if (typeof kty !== 'string') throw parameterInvalid('The property kty must be specified.')
  if (kty === 'RSA-HSM' || kty === 'EC-HSM' || kty === 'oct-HSM') throw noHsm(kty)
  throw new VaultFault('key-type-unsupported', { message: `Invalid kty value: ${kty.slice(0, 64)}` })
}

function noHsm(kty: string): VaultFault {
  return new VaultFault('key-type-unsupported', {
    message: `Keys of type '${kty}' need an HSM, and this vault has none. Use the type 'RSA'.`,
  })
}

function readKeySize(body: JsonObject): RsaBits {
  const bits = member(body, 'key_size') ?? 2048
  if (bits !== 2048 && bits !== 3072 && bits !== 4096) {
    throw parameterInvalid('The property key_size is invalid: an RSA key has 2048, 3072 or 4096 bits.')
  }
  const exponent = member(body, 'public_exponent') ?? 65537
  if (exponent !== 65537) throw parameterInvalid('The property public_exponent is invalid: use 65537.')
  return bits
}

function readOperations(body: JsonObject): Pick<KeyChanges, 'keyOperations'> {
  const sent = member(body, 'key_ops')
  if (sent === undefined) return {}
  if (!Array.isArray(sent) || sent.length > MAX_OPERATIONS)
    throw parameterInvalid('The property key_ops must be a list.')
  const operations = (sent as readonly Json[]).map(readOperation)
  return { keyOperations: [...new Set(operations)] }
}

function readOperation(sent: Json): KeyOperation {
  const found = keyOperations.find(
    (operation) => typeof sent === 'string' && operation.toLowerCase() === sent.toLowerCase(),
  )
  if (found === undefined) {
    throw parameterInvalid(`The property key_ops is invalid: the operations are ${keyOperations.join(', ')}.`)
  }
  return found
}

function readAttributes(body: JsonObject): Pick<KeyChanges, 'enabled' | 'notBefore' | 'expires'> {
  const sent = member(body, 'attributes') ?? {}
  if (!isJsonObject(sent)) throw parameterInvalid('The property attributes must be an object.')
  if (member(sent, 'exportable') === true) {
    throw parameterInvalid('The property exportable is invalid: keys of this vault are never exported.')
  }
  const enabled = member(sent, 'enabled')
  if (enabled !== undefined && typeof enabled !== 'boolean') {
    throw parameterInvalid('The property enabled must be true or false.')
  }
  const notBefore = readTime(sent, 'nbf')
  const expires = readTime(sent, 'exp')
  return {
    ...(enabled === undefined ? {} : { enabled }),
    ...(notBefore === null ? {} : { notBefore }),
    ...(expires === null ? {} : { expires }),
  }
}

/** Negative ones occur: the JS SDK cuts times to 32 bits, so the year 3000 arrives as long past. */
function readTime(attributes: JsonObject, name: string): number | null {
  const time = member(attributes, name)
  if (time === undefined) return null
  if (typeof time === 'number' && Number.isSafeInteger(time)) return time
  throw parameterInvalid(`The property ${name} must be a whole number of seconds since 1970.`)
}

function readTags(body: JsonObject): Pick<KeyChanges, 'tags'> {
  const sent = member(body, 'tags')
  if (sent === undefined) return {}
  if (!isJsonObject(sent)) throw parameterInvalid('The property tags must be an object.')
  const entries = Object.entries(sent)
  if (entries.length > MAX_TAGS) throw parameterInvalid(`A key can have up to ${MAX_TAGS} tags.`)
  const tags = entries.map(([name, value]): [string, string] => {
    const isFit =
      name.length <= MAX_TAG_CHARACTERS && typeof value === 'string' && value.length <= MAX_TAG_CHARACTERS
    if (!isFit)
      throw parameterInvalid(`Names and values of tags are text of up to ${MAX_TAG_CHARACTERS} characters.`)
    return [name, value]
  })
  return { tags: Object.fromEntries(tags) }
}
