import type { Config } from '../config/config.ts'
import { randomGuid } from '../crypto/random.ts'
import { type Clock, systemClock } from '../kernel/clock.ts'
import { type Guid, parseGuid } from '../kernel/guid.ts'
import { DAY_MS } from '../kernel/units.ts'
import type { Log } from '../observe/log.ts'
import type { AccessService } from '../services/access/access-service.ts'
import { OWNER_ROLE } from '../services/access/built-in-roles.ts'
import type { DirectoryService } from '../services/directory/directory-service.ts'
import { openServices } from './services.ts'
import { openStores } from './stores.ts'

const TEN_YEARS_MS = 3650 * DAY_MS

/** How the owner of a tenant signs in. */
export interface TenantOwner {
  readonly tenantId: string
  readonly subscriptionId: string
  readonly clientId: string
  readonly clientSecret: string
}

export interface OwnershipDeps {
  readonly directory: Pick<DirectoryService, 'createAdministrator'>
  readonly access: Pick<AccessService, 'grant'>
  readonly createSubscription: (subscription: {
    readonly subscriptionId: Guid
    readonly tenantId: Guid
    readonly displayName: string
  }) => Promise<unknown>
  readonly clock: Clock
}

/** An administrator of a tenant, and a subscription that he owns. */
export async function makeOwner(
  { directory, access, createSubscription, clock }: OwnershipDeps,
  {
    tenantId,
    displayName,
    name,
  }: { readonly tenantId: Guid; readonly displayName: string; readonly name: string },
): Promise<TenantOwner> {
  const { principal, secret } = await directory.createAdministrator({
    tenantId,
    displayName: name,
    endsAt: new Date(clock.now().getTime() + TEN_YEARS_MS),
  })
  const { principalId } = principal
  const subscriptionId = await makeSubscription(
    { access, createSubscription },
    { tenantId, displayName, principalId },
  )
  return { tenantId, subscriptionId, clientId: principal.appId, clientSecret: secret }
}

async function makeSubscription(
  { access, createSubscription }: Pick<OwnershipDeps, 'access' | 'createSubscription'>,
  {
    principalId,
    ...subscription
  }: { readonly tenantId: Guid; readonly displayName: string; readonly principalId: Guid },
): Promise<Guid> {
  const subscriptionId = randomGuid()
  await createSubscription({ subscriptionId, ...subscription })
  await access.grant({ scope: `/subscriptions/${subscriptionId}`, roleId: OWNER_ROLE, principalId })
  return subscriptionId
}

/**
 * One more tenant, with an owner and a subscription.
 *
 * @throws DataFolderError when a server runs on the folder
 */
export function createTenant(config: Config, name: string, log: Log): Promise<TenantOwner> {
  return alone(config, log, async (deps) => {
    const { tenantId } = await deps.directory.createTenant({ displayName: name })
    return await makeOwner(deps, { tenantId, displayName: name, name: `${name}-owner` })
  })
}

/**
 * One more subscription in the tenant of an owner, who owns it too.
 *
 * @returns its id; null when the owner is not there any more
 * @throws DataFolderError when a server runs on the folder
 */
export function createSubscription(
  config: Config,
  { name, owner }: { readonly name: string; readonly owner: Pick<TenantOwner, 'tenantId' | 'clientId'> },
  log: Log,
): Promise<string | null> {
  return alone(config, log, async (deps) => {
    const tenantId = parseGuid(owner.tenantId)
    const principals = tenantId === null ? [] : deps.directory.listServicePrincipals(tenantId)
    const found = principals.find(({ appId }) => appId === owner.clientId)
    if (tenantId === null || found === undefined) return null
    const { principalId } = found
    return await makeSubscription(deps, { tenantId, displayName: name, principalId })
  })
}

type AloneDeps = OwnershipDeps & {
  readonly directory: Pick<DirectoryService, 'createTenant' | 'listServicePrincipals'>
}

/** Nobody may use the folder meanwhile: no request makes a tenant or a subscription, so that who does has the machine. */
async function alone<T>(config: Config, log: Log, work: (deps: AloneDeps) => Promise<T>): Promise<T> {
  await using stores = await openStores(config)
  const endpoints = { domain: config.domain, port: config.listenPort }
  const settings = { ...config, remoteVaults: [] }
  const clock = systemClock
  await using services = await openServices({ stores, endpoints, config: settings, clock, log })
  const { directory, access, resources } = services
  return await work({
    directory,
    access,
    createSubscription: (subscription) => resources.createSubscription(subscription),
    clock,
  })
}
