import { randomGuid } from '../../crypto/random.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Guid } from '../../kernel/guid.ts'
import type { ApplicationRow } from '../../store/records/directory/directory-objects.ts'
import type { DirectoryObjects } from './directory-objects.ts'
import { type ObjectDeps, applicationRow, assertNotLastAdministrator, named } from './object-changes.ts'
import { newPassword } from './passwords.ts'
import { newPrincipal } from './principals.ts'
import { toApplication, toServicePrincipal, toTenant } from './objects.ts'

type Applications = Pick<
  DirectoryObjects,
  | 'createTenant'
  | 'listTenants'
  | 'createAdministrator'
  | 'createApplication'
  | 'renameApplication'
  | 'deleteApplication'
  | 'getApplication'
  | 'findApplication'
  | 'listApplications'
>

/** Tenants and applications. */
export function applications({ memory, change, clock }: ObjectDeps): Applications {
  return {
    createTenant: async ({ displayName }) =>
      await change(() => {
        const row = { tenantId: randomGuid(), displayName: named(displayName), createdAt: isoNow(clock) }
        return { changes: [{ put: 'tenant', row }], result: toTenant(row) }
      }),
    listTenants: () => memory.tenants().map(toTenant),

    createAdministrator: async ({ tenantId, displayName, endsAt }) =>
      await change(() => {
        const { row: password, secret } = newPassword(clock, { displayName: null, startsAt: null, endsAt })
        const application = { ...newApplication(clock, tenantId, displayName), passwords: [password] }
        const principal = { ...newPrincipal(clock, application), isTenantAdministrator: true }
        return {
          changes: [
            { put: 'application', row: application },
            { put: 'principal', row: principal },
          ],
          result: {
            application: toApplication(application),
            principal: toServicePrincipal(principal),
            secret,
          },
        }
      }),

    createApplication: async ({ tenantId, displayName }) =>
      await change(() => {
        const row = newApplication(clock, tenantId, displayName)
        return { changes: [{ put: 'application', row }], result: toApplication(row) }
      }),

    renameApplication: async (tenantId, objectId, displayName) =>
      await change(() => {
        const row = { ...applicationRow(memory, tenantId, objectId), displayName: named(displayName) }
        const principal = memory.principalByAppId(row.appId)
        return {
          changes: [
            { put: 'application', row },
            ...(principal === null
              ? []
              : [{ put: 'principal', row: { ...principal, displayName } } as const]),
          ],
          result: toApplication(row),
        }
      }),

    deleteApplication: async (tenantId, objectId) =>
      await change(() => {
        const { appId } = applicationRow(memory, tenantId, objectId)
        const principal = memory.principalByAppId(appId)
        if (principal !== null) assertNotLastAdministrator(memory, principal)
        return {
          changes: [
            { remove: 'application', id: objectId },
            ...(principal === null ? [] : [{ remove: 'principal', id: principal.principalId } as const]),
          ],
          result: undefined,
        }
      }),

    getApplication: (tenantId, objectId) => toApplication(applicationRow(memory, tenantId, objectId)),
    findApplication: (tenantId, appId) => {
      const row = memory.applicationByAppId(appId)
      return row?.tenantId === tenantId ? toApplication(row) : null
    },
    listApplications: (tenantId) =>
      memory
        .applications()
        .filter((row) => row.tenantId === tenantId)
        .map(toApplication),
  }
}

function newApplication(clock: Clock, tenantId: Guid, displayName: string): ApplicationRow {
  return {
    objectId: randomGuid(),
    appId: randomGuid(),
    tenantId,
    displayName: named(displayName),
    createdAt: isoNow(clock),
    passwords: [],
  }
}

function isoNow(clock: Clock): string {
  return clock.now().toISOString()
}
