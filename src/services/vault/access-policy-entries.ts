import { type Json, type JsonObject, isJsonObject, member } from '../../kernel/json.ts'
import { parseGuid } from '../../kernel/guid.ts'
import { refused } from '../resources/faults.ts'

/** https://learn.microsoft.com/rest/api/keyvault/keyvault/vaults/create-or-update#permissions */
const known: Readonly<Record<string, readonly string[]>> = {
  keys: words(`all encrypt decrypt wrapKey unwrapKey sign verify get list create update import delete backup restore
    recover purge release rotate getrotationpolicy setrotationpolicy`),
  secrets: words('all get list set delete backup restore recover purge'),
  certificates:
    words(`all get list delete create import update managecontacts getissuers listissuers setissuers
    deleteissuers manageissuers recover purge backup restore`),
  storage: words(
    'all get list delete set update regeneratekey recover purge backup restore setsas listsas getsas deletesas',
  ),
}
const MAX_POLICIES = 1024

function words(text: string): readonly string[] {
  return text.toLowerCase().split(/\s+/)
}

/**
 * The stored form of a list of access policies: entries in the order and permissions in the letter case that were sent.
 * @throws ResourceFault
 */
export function readAccessPolicies(sent: Json, tenantId: string): readonly JsonObject[] {
  if (!Array.isArray(sent)) throw invalid('accessPolicies', 'it must be a list')
  if (sent.length > MAX_POLICIES) throw invalid('accessPolicies', `it may hold ${MAX_POLICIES} entries`)
  const entries = (sent as readonly Json[]).map((entry) => readEntry(entry, tenantId))
  if (new Set(entries.map(keyOf)).size !== entries.length) {
    throw invalid('accessPolicies', 'each object id may occur once, or once for each application id')
  }
  return entries
}

function readEntry(sent: Json, tenantId: string): JsonObject {
  if (!isJsonObject(sent)) throw invalid('accessPolicies', 'each entry must be an object')
  const objectId = readGuid(sent, 'objectId')
  if (objectId === null) throw invalid('accessPolicies.objectId', 'it must be a GUID')
  if ((readGuid(sent, 'tenantId') ?? tenantId) !== tenantId) {
    throw invalid('accessPolicies.tenantId', "it must be the vault's tenant")
  }
  const applicationId = readGuid(sent, 'applicationId')
  const permissions = member(sent, 'permissions') ?? {}
  if (!isJsonObject(permissions)) throw invalid('accessPolicies.permissions', 'it must be an object')
  return {
    tenantId,
    objectId,
    ...(applicationId === null ? {} : { applicationId }),
    permissions: readPermissions(permissions),
  }
}

/** @returns null when there is none */
function readGuid(sent: JsonObject, name: string): string | null {
  const value = member(sent, name)
  if (value === undefined) return null
  const guid = typeof value === 'string' ? parseGuid(value) : null
  if (guid === null) throw invalid(`accessPolicies.${name}`, 'it must be a GUID')
  return guid
}

function readPermissions(sent: JsonObject): JsonObject {
  const lists: Record<string, Json> = {}
  for (const [kind, names] of Object.entries(known)) {
    const list = member(sent, kind)
    if (list === undefined) continue
    if (!Array.isArray(list)) throw invalid(`accessPolicies.permissions.${kind}`, 'it must be a list')
    for (const permission of list as readonly Json[]) {
      if (typeof permission !== 'string' || !names.includes(permission.toLowerCase())) {
        throw invalid(`accessPolicies.permissions.${kind}`, `the permissions are ${names.join(', ')}`)
      }
    }
    lists[kind] = list as readonly Json[]
  }
  return lists
}

export type PolicyChange = 'add' | 'replace' | 'remove'

/** `vaults/accessPolicies/{add|replace|remove}`: entries that are not named stay as they are, in their places. */
export function changePolicies(
  kept: readonly JsonObject[],
  change: PolicyChange,
  named: readonly JsonObject[],
): readonly JsonObject[] {
  const byKey = new Map(named.map((entry) => [keyOf(entry), entry]))
  const changed = kept.flatMap((entry) => {
    const other = byKey.get(keyOf(entry))
    if (other === undefined) return [entry]
    byKey.delete(keyOf(entry))
    if (change === 'replace') return [other]
    const permissions = change === 'add' ? merged(entry, other) : without(entry, other)
    return Object.values(permissions).every((list) => list.length === 0) ? [] : [{ ...entry, permissions }]
  })
  return change === 'remove' ? changed : [...changed, ...byKey.values()]
}

type Lists = Readonly<Record<string, readonly string[]>>

function merged(entry: JsonObject, other: JsonObject): Lists {
  return eachKind(entry, other, (list, more) => [
    ...list,
    ...more.filter((permission) => !includes(list, permission)),
  ])
}

function without(entry: JsonObject, other: JsonObject): Lists {
  return eachKind(entry, other, (list, less) =>
    includes(less, 'all') ? [] : list.filter((permission) => !includes(less, permission)),
  )
}

function eachKind(
  entry: JsonObject,
  other: JsonObject,
  combine: (list: readonly string[], others: readonly string[]) => readonly string[],
): Lists {
  const [mine, theirs] = [permissionsOf(entry), permissionsOf(other)]
  const kinds = Object.keys(known).filter((kind) => kind in mine || kind in theirs)
  return Object.fromEntries(kinds.map((kind) => [kind, combine(mine[kind] ?? [], theirs[kind] ?? [])]))
}

function permissionsOf(entry: JsonObject): Lists {
  return (entry['permissions'] ?? {}) as Lists
}

function includes(list: readonly string[], permission: string): boolean {
  return list.some((one) => one.toLowerCase() === permission.toLowerCase())
}

function keyOf({ objectId, applicationId }: JsonObject): string {
  return JSON.stringify([objectId, applicationId ?? null])
}

export function invalid(property: string, reason: string) {
  return refused(400, 'BadRequest', `An invalid value was provided for '${property}': ${reason}.`, {
    target: property,
  })
}
