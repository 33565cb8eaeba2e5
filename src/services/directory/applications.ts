import { randomGuid } from '../../crypto/random.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { ApplicationRow } from '../../store/records/directory/directory-objects.ts'
import type { DirectoryObjects } from './directory-objects.ts'
import { DirectoryObjectFault } from './faults.ts'
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
  | 'changeApplication'
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
        const made = newApplication(clock, { tenantId, displayName, isMultiTenant: false })
        const application = { ...made, passwords: [password] }
        const principal = { ...newPrincipal(clock, application, tenantId), isTenantAdministrator: true }
        return {
          changes: [
            { put: 'application', row: application },
            { put: 'principal', row: principal },
          ],
          result: {
            application: toApplication(application),
            principal: toServicePrincipal(principal, application),
            secret,
          },
        }
      }),

    createApplication: async (request) =>
      await change(() => {
        const row = newApplication(clock, request)
        return { changes: [{ put: 'application', row }], result: toApplication(row) }
      }),

    changeApplication: async (tenantId, objectId, { displayName, isMultiTenant }) =>
      await change(() => {
        const before = applicationRow(memory, tenantId, objectId)
        const row = {
          ...before,
          displayName: displayName === undefined ? before.displayName : named(displayName),
          isMultiTenant: isMultiTenant ?? before.isMultiTenant,
        }
        const principals = memory.principalsOf(row.appId)
        if (!row.isMultiTenant && principals.some((principal) => principal.tenantId !== tenantId))
          throw new DirectoryObjectFault('application-in-use', { appId: row.appId })
        const renamed = principals.filter((principal) => principal.displayName !== row.displayName)
        return {
          changes: [
            { put: 'application', row },
            ...renamed.map(
              (principal) =>
                ({ put: 'principal', row: { ...principal, displayName: row.displayName } }) as const,
            ),
          ],
          result: toApplication(row),
        }
      }),

    deleteApplication: async (tenantId, objectId) =>
      await change(() => {
        const { appId } = applicationRow(memory, tenantId, objectId)
        const principals = memory.principalsOf(appId)
        for (const principal of principals) assertNotLastAdministrator(memory, principal)
        return {
          changes: [
            { remove: 'application', id: objectId },
            ...principals.map(({ principalId }) => ({ remove: 'principal', id: principalId }) as const),
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

function newApplication(
  clock: Clock,
  {
    tenantId,
    displayName,
    isMultiTenant,
  }: Pick<ApplicationRow, 'tenantId' | 'displayName' | 'isMultiTenant'>,
): ApplicationRow {
  return {
    objectId: randomGuid(),
    appId: randomGuid(),
    tenantId,
    displayName: named(displayName),
    createdAt: isoNow(clock),
    isMultiTenant,
    passwords: [],
    federatedCredentials: [],
  }
}

function isoNow(clock: Clock): string {
  return clock.now().toISOString()
}
