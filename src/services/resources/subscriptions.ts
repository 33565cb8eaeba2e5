import type { Guid } from '../../kernel/guid.ts'
import type { JsonObject } from '../../kernel/json.ts'
import type { SubscriptionRow } from '../../store/records/resources/group-rows.ts'
import { parseGuid } from '../../kernel/guid.ts'
import type { Caller } from '../directory/caller.ts'
import { text } from './document.ts'
import type { EngineDeps } from './engine.ts'
import { refused } from './faults.ts'

export interface Subscription {
  readonly subscriptionId: Guid
  /** It belongs to one tenant, and callers of other tenants do not find it. */
  readonly tenantId: Guid
  readonly displayName: string
}

/** For the first start. Leaves one that exists as it is. */
export async function createSubscription(
  { store }: Pick<EngineDeps, 'store'>,
  subscription: Subscription,
): Promise<void> {
  await store.groups.addSubscription({
    id: subscription.subscriptionId,
    tenantId: subscription.tenantId,
    document: { displayName: subscription.displayName },
  })
}

/** @throws ResourceFault `SubscriptionNotFound`, for one of another tenant too */
export async function getSubscription(
  { store }: Pick<EngineDeps, 'store'>,
  caller: Pick<Caller, 'tenantId'>,
  subscriptionId: string,
): Promise<Subscription> {
  const row = await store.groups.findSubscription(subscriptionId.toLowerCase())
  const found = row === null ? null : fromRow(row)
  if (found?.tenantId !== caller.tenantId) {
    throw refused(404, 'SubscriptionNotFound', `The subscription '${subscriptionId}' could not be found.`)
  }
  return found
}

/** Those where the caller has any role, on whatever is in them. */
export async function listSubscriptions(
  deps: Pick<EngineDeps, 'store' | 'access'>,
  caller: Caller,
): Promise<readonly Subscription[]> {
  const rows = await deps.store.groups.listSubscriptions()
  return rows
    .map(fromRow)
    .filter((found) => found.tenantId === caller.tenantId && hasAnyRole(deps, caller, found))
}

/** @throws AccessFault `denied` for who has no role there */
export async function readSubscription(
  deps: Pick<EngineDeps, 'store' | 'access'>,
  caller: Caller,
  subscriptionId: string,
): Promise<Subscription> {
  const found = await getSubscription(deps, caller, subscriptionId)
  if (!hasAnyRole(deps, caller, found)) {
    const scope = `/subscriptions/${found.subscriptionId}`
    await deps.access.authorize(caller, 'Microsoft.Resources/subscriptions/read', scope)
  }
  return found
}

/** https://learn.microsoft.com/rest/api/resources/subscriptions/get */
export function presentSubscription({ subscriptionId, tenantId, displayName }: Subscription): JsonObject {
  return {
    id: `/subscriptions/${subscriptionId}`,
    authorizationSource: 'RoleBased',
    managedByTenants: [],
    subscriptionId,
    tenantId,
    displayName,
    state: 'Enabled',
    subscriptionPolicies: {
      locationPlacementId: 'Public_2014-09-01',
      quotaId: 'PayAsYouGo_2014-09-01',
      spendingLimit: 'Off',
    },
  }
}

function hasAnyRole(
  { access }: Pick<EngineDeps, 'access'>,
  caller: Caller,
  { subscriptionId }: Subscription,
): boolean {
  const scope = `/subscriptions/${subscriptionId}`
  const filter = { scope, isAtScopeOnly: false, principalId: caller.principalId }
  return access.listAssignments(filter).length > 0
}

function fromRow({ id, tenantId, document }: SubscriptionRow): Subscription {
  const [subscriptionId, tenant] = [parseGuid(id), parseGuid(tenantId)]
  if (subscriptionId === null || tenant === null) throw new Error('a stored subscription has no GUID')
  return { subscriptionId, tenantId: tenant, displayName: text(document, 'displayName') }
}
