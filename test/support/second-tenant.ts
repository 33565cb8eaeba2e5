import { randomUUID } from 'node:crypto'
import { readConfig } from '../../src/config/config.ts'
import { systemClock } from '../../src/kernel/clock.ts'
import type { Guid } from '../../src/kernel/guid.ts'
import { openServices } from '../../src/server/services.ts'
import { openStores } from '../../src/server/stores.ts'
import type { OwnerFile } from '../../src/server/bootstrap.ts'
import { OWNER_ROLE } from '../../src/services/access/built-in-roles.ts'
import type { TestServer } from './strongroom.ts'

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined }

/**
 * Another tenant in the same installation, with an owner and a subscription of its own. No protocol makes one: the
 * server is stopped, its folder opened by the same services, and the server started again.
 */
export async function addTenant(server: TestServer): Promise<OwnerFile> {
  await server.stop()
  const { port, domain } = server.owner
  const config = readConfig({ data: server.dataDir, listen: `127.0.0.1:${port}`, domain }, {})
  const subscriptionId = randomUUID() as Guid
  let owner: OwnerFile
  {
    await using stores = await openStores(config)
    await using services = await openServices({
      stores,
      endpoints: { domain, port },
      config,
      clock: systemClock,
      log: silent,
    })
    const { directory, resources, access } = services
    const { tenantId } = await directory.createTenant({ displayName: 'Another' })
    const { principal, secret } = await directory.createAdministrator({
      tenantId,
      displayName: 'another-owner',
      endsAt: new Date('2099-01-01T00:00:00Z'),
    })
    await resources.createSubscription({ subscriptionId, tenantId, displayName: 'Another' })
    const scope = `/subscriptions/${subscriptionId}`
    await access.grant({ scope, roleId: OWNER_ROLE, principalId: principal.principalId })
    owner = { ...server.owner, tenantId, subscriptionId, clientId: principal.appId, clientSecret: secret }
  }
  await server.start()
  return owner
}
