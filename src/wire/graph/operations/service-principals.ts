import { type AnyOperation, operation, queryValue } from '../../../http/operation.ts'
import type { Guid } from '../../../kernel/guid.ts'
import type { JsonObject } from '../../../kernel/json.ts'
import { KIB } from '../../../kernel/units.ts'
import type { Application, ServicePrincipal } from '../../../services/directory/directory-objects.ts'
import { DirectoryObjectFault } from '../../../services/directory/faults.ts'
import { parseBody, parseId, servicePrincipalBody } from '../bodies.ts'
import type { Caller } from '../../../services/directory/caller.ts'
import type { GraphDeps, GraphNeed } from '../deps.ts'
import { parseFilter } from '../filter.ts'
import { listReply } from '../list.ts'
import { contextOf, presentServicePrincipal } from '../present.ts'
import { passwordOperations } from './passwords.ts'

const none = { kind: 'none' } as const
const json = { kind: 'json', maxBytes: 64 * KIB } as const

/** https://learn.microsoft.com/graph/api/resources/serviceprincipal#methods: what `az ad sp` and the look-ups use. */
export function servicePrincipalOperations(deps: GraphDeps): readonly AnyOperation<Caller, GraphNeed>[] {
  const { directory, endpoints } = deps
  const one = contextOf(endpoints, 'servicePrincipals/$entity')
  return [
    operation({
      id: 'ListServicePrincipals',
      method: 'GET',
      path: '/v1.0/servicePrincipals',
      needs: 'read',
      body: none,
      async run({ head, caller }) {
        const fits = parseFilter(queryValue(head, '$filter'))
        const objects = directory
          .listServicePrincipals(caller.tenantId)
          .filter(({ principalId, appId, displayName }) =>
            fits({ id: principalId, appId, displayName, servicePrincipalNames: [appId] }),
          )
        const idOf = ({ principalId }: ServicePrincipal) => principalId
        const present = (principal: ServicePrincipal) => presented(deps, principal)
        return listReply(endpoints, head, { set: 'servicePrincipals', objects, idOf, present })
      },
    }),
    operation({
      id: 'GetServicePrincipal',
      method: 'GET',
      path: '/v1.0/servicePrincipals/{id}',
      needs: 'read',
      body: none,
      async run({ params, caller }) {
        const found = directory.getServicePrincipal(caller.tenantId, parseId(params.id))
        return { status: 200, body: { ...one, ...presented(deps, found) } }
      },
    }),
    operation({
      id: 'CreateServicePrincipal',
      method: 'POST',
      path: '/v1.0/servicePrincipals',
      needs: 'write',
      body: json,
      async run({ caller, body }) {
        const { appId } = parseBody(servicePrincipalBody, body.json)
        const made = await directory.createServicePrincipal({ tenantId: caller.tenantId, appId })
        return { status: 201, body: { ...one, ...presented(deps, made) } }
      },
    }),
    operation({
      id: 'DeleteServicePrincipal',
      method: 'DELETE',
      path: '/v1.0/servicePrincipals/{id}',
      needs: 'write',
      body: none,
      async run({ params, caller }) {
        await directory.deleteServicePrincipal(caller.tenantId, parseId(params.id))
        return { status: 204 }
      },
    }),
    ...passwordOperations(deps, {
      kind: 'ServicePrincipal',
      set: 'servicePrincipals',
      objectIdOf: (tenantId, id) => applicationOf(deps, tenantId, id).objectId,
    }),
  ]
}

/** A principal's passwords are its application's, whose tenant alone may change them: `az ad sp credential reset` then really ends the ones before. */
function applicationOf({ directory }: GraphDeps, tenantId: Guid, principalId: Guid): Application {
  const { appId, kind } = directory.getServicePrincipal(tenantId, principalId)
  if (kind === 'managedIdentity') throw new DirectoryObjectFault('managed-identity', { principalId })
  const application = directory.findApplication(tenantId, appId)
  if (application === null) throw new DirectoryObjectFault('application-elsewhere', { principalId })
  return application
}

export function presented({ directory }: GraphDeps, principal: ServicePrincipal): JsonObject {
  const application = directory.findApplication(principal.tenantId, principal.appId)
  return presentServicePrincipal(principal, application?.passwords ?? [])
}
