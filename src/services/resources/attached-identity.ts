import { type Guid, parseGuid } from '../../kernel/guid.ts'
import { type ResourceFault, refused } from './faults.ts'
import type { Resource, ResourceIdentity } from './provider.ts'

/** A managed identity of a resource, as the keyring is told of it. */
export interface AttachedIdentity {
  readonly principalId: Guid
  readonly clientId: Guid
  readonly isSystem: boolean
}

/**
 * By principal id, client id, resource id or name, in any letter case.
 * @returns null when the resource has no such identity
 */
export function findAttached(identities: ResourceIdentity | null, text: string): AttachedIdentity | null {
  const guid = parseGuid(text)
  const wanted = text.replace(/\/+$/, '').toLowerCase()
  const system = systemIdentityOf(identities)
  if (system !== null && guid !== null && (system.principalId === guid || system.clientId === guid))
    return system
  const found = identities?.user.find(({ resourceId, principalId, clientId }) => {
    const id = resourceId.toLowerCase()
    return principalId === guid || clientId === guid || id === wanted || id.endsWith(`/${wanted}`)
  })
  if (found === undefined) return null
  return { principalId: found.principalId, clientId: found.clientId, isSystem: false }
}

export function systemIdentityOf(identities: ResourceIdentity | null): AttachedIdentity | null {
  const system = identities?.system ?? null
  return system === null ? null : { ...system, isSystem: true }
}

export function isAttached(identities: ResourceIdentity | null, identity: AttachedIdentity): boolean {
  const { system, user } = identities ?? { system: null, user: [] }
  return identity.isSystem
    ? system?.principalId === identity.principalId
    : user.some(({ principalId }) => principalId === identity.principalId)
}

/** Azure lets it go and answers 403 months later; we say so at once. @param first what to do before */
export function identityInUse(resource: Resource, identity: AttachedIdentity, first: string): ResourceFault {
  return refused(
    409,
    'IdentityInUse',
    `The identity '${identity.clientId}' opens the key of '${resource.id}' and cannot be removed from it. ${first}`,
  )
}
