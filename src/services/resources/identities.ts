import type { Guid } from '../../kernel/guid.ts'
import { type JsonObject, member } from '../../kernel/json.ts'
import { guid } from './document.ts'
import type { EngineDeps } from './engine.ts'
import { readObject, readString } from './envelope.ts'
import { refused } from './faults.ts'
import type { ProviderCall, ResourceIdentity, ResourceType } from './provider.ts'
import { parseResourceId } from './resource-id.ts'

export const USER_ASSIGNED_IDENTITY = 'Microsoft.ManagedIdentity/userAssignedIdentities'
const ASSIGN = `${USER_ASSIGNED_IDENTITY}/assign/action`

export interface IdentityRequest {
  readonly call: ProviderCall
  readonly tenantId: Guid
  readonly resourceId: string
  readonly resourceName: string
  readonly type: ResourceType
  readonly existing: ResourceIdentity | null
  readonly body: JsonObject
  /** PATCH keeps the identities that it does not name; PUT names all. */
  readonly isPatch: boolean
}

export interface ResolvedIdentity {
  readonly identity: ResourceIdentity | null
  /** Made for this write: to be deleted again when the write is refused. */
  readonly madeSystem: Guid | null
  /** Switched off by this write: to be deleted once it is committed. */
  readonly droppedSystem: Guid | null
}

/**
 * The `identity` block of a body as identities. Only its `type` and the keys of its map are input; ids that clients echo
 * back from a GET are not read.
 *
 * @throws ResourceFault `LinkedAuthorizationFailed`, `FailedIdentityOperation`, `LinkedInvalidPropertyId`, ...
 */
export async function resolveIdentity(
  deps: Pick<EngineDeps, 'access' | 'directory' | 'store'>,
  request: IdentityRequest,
): Promise<ResolvedIdentity> {
  const sent = readObject(request.body, 'identity')
  if (sent === null) return { identity: request.existing, madeSystem: null, droppedSystem: null }
  const wanted = readType(sent, request.existing)
  if (request.type.identities === 'none' && (wanted.system || wanted.user)) {
    throw refused(
      400,
      'ManagedIdentityNotSupported',
      `Resources of type '${request.type.type}' have no managed identities.`,
    )
  }
  const user = wanted.user ? await resolveUserAssigned(deps, request, sent) : []
  const system = wanted.system ? await systemIdentity(deps, request) : null
  const before = request.existing?.system ?? null
  return {
    identity: system === null && user.length === 0 ? null : { system, user },
    madeSystem: system !== null && before === null ? system.principalId : null,
    droppedSystem: system === null && before !== null ? before.principalId : null,
  }
}

function readType(
  sent: JsonObject,
  existing: ResourceIdentity | null,
): { readonly system: boolean; readonly user: boolean } {
  const type = readString(sent, 'type')
  if (type === null) {
    const hasMap = member(sent, 'userAssignedIdentities') !== undefined
    return { system: existing?.system != null, user: hasMap || (existing?.user.length ?? 0) > 0 }
  }
  const words = type.split(',').map((word) => word.trim().toLowerCase())
  const known = words.every((word) => ['none', 'systemassigned', 'userassigned'].includes(word))
  if (!known || (words.includes('none') && words.length > 1)) {
    throw refused(400, 'InvalidIdentityType', `The identity type '${type}' is not valid.`, {
      target: 'identity.type',
    })
  }
  return { system: words.includes('systemassigned'), user: words.includes('userassigned') }
}

type UserAssigned = ResourceIdentity['user'][number]

async function resolveUserAssigned(
  deps: Pick<EngineDeps, 'access' | 'store'>,
  request: IdentityRequest,
  sent: JsonObject,
): Promise<readonly UserAssigned[]> {
  const map = readObject(sent, 'userAssignedIdentities')
  const attached = new Map((request.existing?.user ?? []).map((one) => [one.resourceId.toLowerCase(), one]))
  const result = new Map(request.isPatch || map === null ? attached : [])
  for (const [id, value] of Object.entries(map ?? {})) {
    const key = id.replace(/\/+$/, '').toLowerCase()
    if (value === null) result.delete(key)
    else result.set(key, await attach(deps, request, id, attached.get(key) ?? null))
  }
  if (result.size === 0) {
    throw refused(
      400,
      'InvalidIdentityValues',
      `The identity type 'UserAssigned' needs at least one id in 'userAssignedIdentities'.`,
      { target: 'identity.userAssignedIdentities' },
    )
  }
  if (result.size > 1 && request.type.identities === 'system-and-one-user') {
    throw refused(
      400,
      'InvalidIdentityValues',
      `Only one user-assigned identity is permitted on a resource of type '${request.type.type}'. To replace it, send null for the former.`,
      { target: 'identity.userAssignedIdentities' },
    )
  }
  return [...result.values()]
}

/** Attaching is a right of its own: else whoever writes resources could borrow any identity's permissions. */
async function attach(
  { access, store }: Pick<EngineDeps, 'access' | 'store'>,
  request: IdentityRequest,
  sentId: string,
  before: UserAssigned | null,
): Promise<UserAssigned> {
  const id = parseResourceId(sentId)
  if (id?.type.toLowerCase() !== USER_ASSIGNED_IDENTITY.toLowerCase()) {
    throw refused(
      400,
      'LinkedInvalidPropertyId',
      `Property id '${sentId}' at path 'identity.userAssignedIdentities' is invalid. Expect fully qualified resource Id of a user-assigned identity.`,
    )
  }
  const found = await store.findById(id.id)
  const identity =
    found === null || found.tenantId !== request.tenantId
      ? null
      : {
          resourceId: found.id,
          principalId: guid(found.properties, 'principalId'),
          clientId: guid(found.properties, 'clientId'),
        }
  if (identity !== null && before?.principalId === identity.principalId) return identity
  const { caller } = request.call
  if (!(await access.allows(caller.principalId, ASSIGN, id.id))) {
    throw refused(
      403,
      'LinkedAuthorizationFailed',
      `The client '${caller.appId}' with object id '${caller.principalId}' has permission to perform action '${request.type.type}/write' on scope '${request.resourceId}'; however, it does not have permission to perform action '${ASSIGN}' on the linked scope(s) '${id.id}' or the linked scope(s) are invalid.`,
    )
  }
  if (identity === null) {
    throw refused(
      400,
      'FailedIdentityOperation',
      `Identity operation for resource '${request.resourceId}' failed with error 'Failed to perform resource identity operation. Status: 'BadRequest'. Response: Resource '${id.id}' was not found.'.`,
    )
  }
  return identity
}

async function systemIdentity(
  { directory }: Pick<EngineDeps, 'directory'>,
  { existing, tenantId, resourceId, resourceName }: IdentityRequest,
): Promise<{ readonly principalId: Guid; readonly clientId: Guid }> {
  if (existing?.system != null) return existing.system
  const made = await directory.createManagedIdentity({ tenantId, resourceId, displayName: resourceName })
  return { principalId: made.principalId, clientId: made.appId }
}
