import type { Config } from '../config/config.ts'
import { randomGuid } from '../crypto/random.ts'
import { type Clock, systemClock } from '../kernel/clock.ts'
import type { Guid } from '../kernel/guid.ts'
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
  const subscriptionId = randomGuid()
  await createSubscription({ subscriptionId, tenantId, displayName })
  await access.grant({
    scope: `/subscriptions/${subscriptionId}`,
    roleId: OWNER_ROLE,
    principalId: principal.principalId,
  })
  return { tenantId, subscriptionId, clientId: principal.appId, clientSecret: secret }
}

/**
 * One more tenant, with an owner and a subscription. Nobody may use the data folder meanwhile: no request makes a tenant,
 * so that who does has the machine.
 *
 * @throws DataFolderError when a server runs on it
 */
export async function createTenant(
  config: Config,
  name: string,
  log: Log,
  clock: Clock = systemClock,
): Promise<TenantOwner> {
  await using stores = await openStores(config)
  const endpoints = { domain: config.domain, port: config.listenPort }
  const alone = { ...config, remoteVaults: [] }
  await using services = await openServices({ stores, endpoints, config: alone, clock, log })
  const { directory, access, resources } = services
  const { tenantId } = await directory.createTenant({ displayName: name })
  const createSubscription = resources.createSubscription.bind(resources)
  return await makeOwner(
    { directory, access, createSubscription, clock },
    { tenantId, displayName: name, name: `${name}-owner` },
  )
}
