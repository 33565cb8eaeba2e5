import { AccountKey } from '../../crypto/account-key.ts'
import { type Json, type JsonObject, isJsonObject } from '../../kernel/json.ts'
import { refused } from '../resources/faults.ts'
import type { ActionCall, ProviderReply, Resource } from '../resources/provider.ts'
import { storedKeys } from './account-keys.ts'
import { accountSasStringToSign } from './account-sas.ts'
import { invalidValue, sentText } from './account-words.ts'
import { parseSasTime } from './sas.ts'
import { serviceSasStringToSign } from './service-sas.ts'
import type { SasName } from './storage-request.ts'

/** What signatures made here say that they are: the newest form that every client reads. */
const VERSION = '2020-12-06'

/** The token's parameters, in the order in which Azure writes them, and how the body calls each. */
const accountFields: readonly (readonly [SasName, string])[] = [
  ['ss', 'signedServices'],
  ['srt', 'signedResourceTypes'],
  ['sp', 'signedPermission'],
  ['st', 'signedStart'],
  ['se', 'signedExpiry'],
  ['sip', 'signedIp'],
  ['spr', 'signedProtocol'],
]
const serviceFields: readonly (readonly [SasName, string])[] = [
  ['sr', 'signedResource'],
  ['sp', 'signedPermission'],
  ['st', 'signedStart'],
  ['se', 'signedExpiry'],
  ['si', 'signedIdentifier'],
  ['sip', 'signedIp'],
  ['spr', 'signedProtocol'],
  ['rscc', 'rscc'],
  ['rscd', 'rscd'],
  ['rsce', 'rsce'],
  ['rscl', 'rscl'],
  ['rsct', 'rsct'],
]

/** https://learn.microsoft.com/rest/api/storagerp/storage-accounts/list-account-sas */
export async function listAccountSas({ resource, body }: ActionCall): Promise<ProviderReply> {
  const sent = readBody(body)
  const parameters = readFields(sent, accountFields)
  for (const name of ['ss', 'srt', 'sp', 'se'] as const) assertNamed(parameters, name, accountFields)
  const stringToSign = accountSasStringToSign({ name: resource.name.toLowerCase() }, parameters)
  const accountSasToken = signed(resource, sent, parameters, stringToSign)
  return { status: 200, body: { accountSasToken } }
}

/** https://learn.microsoft.com/rest/api/storagerp/storage-accounts/list-service-sas */
export async function listServiceSas({ resource, body }: ActionCall): Promise<ProviderReply> {
  const sent = readBody(body)
  const parameters = readFields(sent, serviceFields)
  assertNamed(parameters, 'sr', serviceFields)
  if (!parameters.has('si'))
    for (const name of ['sp', 'se'] as const) assertNamed(parameters, name, serviceFields)
  const canonical = sentText(sent, 'canonicalizedResource') ?? ''
  const root = `/blob/${resource.name.toLowerCase()}/`
  if (!canonical.startsWith(root) || canonical.length === root.length)
    throw invalidValue('canonicalizedResource', canonical, `${root}<container>[/<blob>]`)
  const stringToSign = serviceSasStringToSign(parameters, { resource: canonical, moment: '' })
  const serviceSasToken = signed(resource, sent, parameters, stringToSign)
  return { status: 200, body: { serviceSasToken } }
}

function readBody(body: Json | undefined): JsonObject {
  if (isJsonObject(body)) return body
  throw refused(400, 'InvalidRequestContent', 'The request needs a JSON object as its body.')
}

function readFields(
  sent: JsonObject,
  fields: readonly (readonly [SasName, string])[],
): ReadonlyMap<SasName, string> {
  const parameters = new Map<SasName, string>([['sv', VERSION]])
  for (const [name, field] of fields) {
    const value = sentText(sent, field)
    if (value === null || value === '') continue
    if (/\p{Cc}/u.test(value)) throw invalidValue(field, value, 'a text without control characters')
    parameters.set(name, name === 'st' || name === 'se' ? readTime(field, value) : value)
  }
  return parameters
}

/** To the second in UTC, whatever form of ISO 8601 was sent. */
function readTime(field: string, sent: string): string {
  const time = parseSasTime(sent) ?? new Date(/^\d{4}-\d\d-\d\dT/.test(sent) ? sent : '')
  if (Number.isNaN(time.getTime())) throw invalidValue(field, sent, 'a time as ISO 8601 has it')
  return `${time.toISOString().slice(0, 19)}Z`
}

function assertNamed(
  parameters: ReadonlyMap<SasName, string>,
  name: SasName,
  fields: readonly (readonly [SasName, string])[],
): void {
  const field = fields.find(([parameter]) => parameter === name)?.[1] ?? name
  if (!parameters.has(name)) throw invalidValue(field, undefined, 'it must be given')
}

function signed(
  account: Resource,
  sent: JsonObject,
  parameters: ReadonlyMap<SasName, string>,
  stringToSign: string,
): string {
  const wanted = sentText(sent, 'keyToSign') ?? 'key1'
  const stored = storedKeys(account.properties).find(({ keyName }) => keyName === wanted.toLowerCase())
  const key = stored === undefined ? null : AccountKey.parse(stored.value)
  if (key === null) throw invalidValue('keyToSign', wanted, 'key1 or key2')
  return new URLSearchParams([...parameters, ['sig', key.sign(stringToSign)]]).toString()
}
