import { randomGuid } from '../../crypto/random.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Guid } from '../../kernel/guid.ts'
import type { ApplicationRow, PrincipalRow } from '../../store/records/directory/directory-objects.ts'
import type { Directory } from './directory.ts'
import type { DirectoryMemory } from './directory-memory.ts'
import type { DirectoryObjects } from './directory-objects.ts'
import { DirectoryObjectFault } from './faults.ts'
import { type ObjectDeps, assertNotLastAdministrator } from './object-changes.ts'
import { toPrincipal, toServicePrincipal } from './objects.ts'

type Principals = Pick<
  DirectoryObjects,
  | 'createServicePrincipal'
  | 'deleteServicePrincipal'
  | 'getServicePrincipal'
  | 'listServicePrincipals'
  | 'assertAdministrator'
> &
  Pick<Directory, 'findPrincipal' | 'createManagedIdentity' | 'deleteManagedIdentity'>

/** Service principals of applications, and managed identities, which live and die with their resources. */
export function principals({ memory, clock, change }: ObjectDeps): Principals {
  const presented = (row: PrincipalRow) => toServicePrincipal(row, memory.applicationByAppId(row.appId))
  return {
    async findPrincipal(by) {
      const row =
        'principalId' in by ? memory.principal(by.principalId) : memory.principalByResource(by.resourceId)
      return row === null ? null : toPrincipal(row)
    },

    assertAdministrator(principalId) {
      if (memory.principal(principalId)?.isTenantAdministrator !== true) {
        throw new DirectoryObjectFault('not-administrator', {})
      }
    },

    createManagedIdentity: async ({ tenantId, resourceId, displayName }) =>
      await change(() => {
        const existing = memory.principalByResource(resourceId)
        if (existing !== null) return { changes: [], result: toPrincipal(existing) }
        const row: PrincipalRow = {
          principalId: randomGuid(),
          appId: randomGuid(),
          tenantId,
          kind: 'managedIdentity',
          displayName,
          resourceId,
          isTenantAdministrator: false,
          createdAt: clock.now().toISOString(),
        }
        return { changes: [{ put: 'principal', row }], result: toPrincipal(row) }
      }),

    deleteManagedIdentity: async (principalId) =>
      await change(() => {
        const isThere = memory.principal(principalId)?.kind === 'managedIdentity'
        return { changes: isThere ? [{ remove: 'principal', id: principalId }] : [], result: undefined }
      }),

    createServicePrincipal: async ({ tenantId, appId }) =>
      await change(() => {
        const application = memory.applicationByAppId(appId)
        if (application === null || (application.tenantId !== tenantId && !application.isMultiTenant))
          throw new DirectoryObjectFault('application-not-found', { appId })
        if (memory.principalIn(tenantId, appId) !== null)
          throw new DirectoryObjectFault('principal-exists', { appId })
        const row = newPrincipal(clock, application, tenantId)
        return { changes: [{ put: 'principal', row }], result: toServicePrincipal(row, application) }
      }),

    deleteServicePrincipal: async (tenantId, principalId) =>
      await change(() => {
        const row = principal(memory, tenantId, principalId)
        if (row.kind === 'managedIdentity')
          throw new DirectoryObjectFault('managed-identity', { principalId })
        assertNotLastAdministrator(memory, row)
        return { changes: [{ remove: 'principal', id: principalId }], result: undefined }
      }),

    getServicePrincipal: (tenantId, principalId) => presented(principal(memory, tenantId, principalId)),
    listServicePrincipals: (tenantId) =>
      memory
        .principals()
        .filter((row) => row.tenantId === tenantId)
        .map(presented),
  }
}

function principal(memory: DirectoryMemory, tenantId: Guid, principalId: Guid): PrincipalRow {
  const row = memory.principal(principalId)
  if (row?.tenantId !== tenantId) throw new DirectoryObjectFault('object-not-found', { id: principalId })
  return row
}

/** Of an application, in its own tenant or another, with no more rights than that. */
export function newPrincipal(
  clock: Clock,
  { appId, displayName }: ApplicationRow,
  tenantId: Guid,
): PrincipalRow {
  return {
    principalId: randomGuid(),
    appId,
    tenantId,
    kind: 'application',
    displayName,
    resourceId: null,
    isTenantAdministrator: false,
    createdAt: clock.now().toISOString(),
  }
}
