import { Outage } from '../../kernel/fault.ts'
import { type JsonObject, isJsonObject } from '../../kernel/json.ts'
import type { RefusalCause } from '../keyring/ports.ts'
import type { HttpsAnswer } from './https-client.ts'

const MAX_RETRY_AFTER_SECONDS = 60

/** The JSON object of an answer; null when it is none. */
export function jsonOf({ body }: HttpsAnswer): JsonObject | null {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'))
    return isJsonObject(value) ? value : null
  } catch {
    // What the parser says quotes the body.
    return null
  }
}

/** No answer to go by: what is not known for a refusal never counts as one. */
export function outageOf({ status, headers }: HttpsAnswer, { origin }: URL): Outage {
  const seconds = Number(headers['retry-after'])
  const retryAfterSeconds =
    Number.isFinite(seconds) && seconds >= 1 ? Math.min(Math.ceil(seconds), MAX_RETRY_AFTER_SECONDS) : 1
  return new Outage(`another server answered with status ${status}`, {
    retryAfterSeconds,
    detail: `${origin} answered with status ${status}.`,
  })
}

/**
 * What a vault's error answer means. Only the vault's own envelope counts: a proxy's 403 or 404 has none, and must not be
 * taken for the customer's will.
 * https://learn.microsoft.com/azure/key-vault/general/rest-error-codes
 *
 * @returns null for what is no refusal
 */
export function refusalOf(answer: HttpsAnswer, isUnwrap: boolean): RefusalCause | null {
  const error = jsonOf(answer)?.['error']
  if (!isJsonObject(error) || typeof error['code'] !== 'string') return null
  const inner = innerCode(error)
  switch (answer.status) {
    case 400:
      return isUnwrap ? 'wrapping-damaged' : null
    case 401:
      return 'token-refused'
    case 403:
      return forbidden.get(inner) ?? 'permission-missing'
    case 404:
      return absent.get(error['code']) ?? null
    case 409:
      return deleted.has(inner) ? 'key-not-found' : null
    default:
      return null
  }
}

/** What is not among them is a missing policy or role: `ForbiddenByPolicy`, `ForbiddenByRbac`, `AccessDenied`. */
const forbidden: ReadonlyMap<string, RefusalCause> = new Map([
  ['ForbiddenByFirewall', 'firewall'],
  ['ForbiddenByConnection', 'firewall'],
  ['KeyDisabled', 'key-disabled'],
  ['KeyExpired', 'key-not-valid-now'],
  ['KeyNotYetValid', 'key-not-valid-now'],
  ['KeyOperationForbidden', 'key-operation-forbidden'],
])
const absent: ReadonlyMap<string, RefusalCause> = new Map([
  ['KeyNotFound', 'key-not-found'],
  ['VaultNotFound', 'vault-not-found'],
])
const deleted: ReadonlySet<string> = new Set(['ObjectIsDeletedButRecoverable', 'ObjectIsBeingDeleted'])

/** `innererror` in the service's answers, `innerError` in its documentation. */
function innerCode(error: JsonObject): string {
  const inner = error['innererror'] ?? error['innerError']
  const code = isJsonObject(inner) ? inner['code'] : null
  return typeof code === 'string' ? code : ''
}
