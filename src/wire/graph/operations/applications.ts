import { type AnyOperation, operation, queryValue } from '../../../http/operation.ts'
import { KIB } from '../../../kernel/units.ts'
import { applicationBody, applicationPatch, parseBody, parseId } from '../bodies.ts'
import type { Caller } from '../../../services/directory/caller.ts'
import type { GraphDeps, GraphNeed } from '../deps.ts'
import { parseFilter } from '../filter.ts'
import { listReply } from '../list.ts'
import { contextOf, presentApplication } from '../present.ts'
import { federatedCredentialOperations } from './federated-credentials.ts'
import { passwordOperations } from './passwords.ts'

const none = { kind: 'none' } as const
const json = { kind: 'json', maxBytes: 64 * KIB } as const

/** https://learn.microsoft.com/graph/api/resources/application#methods: what `az ad app` and `create-for-rbac` use. */
export function applicationOperations(deps: GraphDeps): readonly AnyOperation<Caller, GraphNeed>[] {
  const { directory, endpoints } = deps
  const one = contextOf(endpoints, 'applications/$entity')
  return [
    operation({
      id: 'ListApplications',
      method: 'GET',
      path: '/v1.0/applications',
      needs: 'read',
      body: none,
      async run({ head, caller }) {
        const fits = parseFilter(queryValue(head, '$filter'))
        const objects = directory
          .listApplications(caller.tenantId)
          .filter(({ objectId, appId, displayName }) => fits({ id: objectId, appId, displayName }))
        const idOf = ({ objectId }: (typeof objects)[number]) => objectId
        return listReply(endpoints, head, { set: 'applications', objects, idOf, present: presentApplication })
      },
    }),
    operation({
      id: 'GetApplication',
      method: 'GET',
      path: '/v1.0/applications/{id}',
      needs: 'read',
      body: none,
      async run({ params, caller }) {
        const found = directory.getApplication(caller.tenantId, parseId(params.id))
        return { status: 200, body: { ...one, ...presentApplication(found) } }
      },
    }),
    operation({
      id: 'CreateApplication',
      method: 'POST',
      path: '/v1.0/applications',
      needs: 'write',
      body: json,
      async run({ caller, body }) {
        const { displayName, signInAudience } = parseBody(applicationBody, body.json)
        const made = await directory.createApplication({
          tenantId: caller.tenantId,
          displayName,
          isMultiTenant: signInAudience ?? false,
        })
        return { status: 201, body: { ...one, ...presentApplication(made) } }
      },
    }),
    operation({
      id: 'UpdateApplication',
      method: 'PATCH',
      path: '/v1.0/applications/{id}',
      needs: 'write',
      body: json,
      async run({ params, caller, body }) {
        const id = parseId(params.id)
        const { displayName, signInAudience } = parseBody(applicationPatch, body.json)
        const change = { displayName, isMultiTenant: signInAudience ?? undefined }
        await directory.changeApplication(caller.tenantId, id, change)
        return { status: 204 }
      },
    }),
    operation({
      id: 'DeleteApplication',
      method: 'DELETE',
      path: '/v1.0/applications/{id}',
      needs: 'write',
      body: none,
      async run({ params, caller }) {
        await directory.deleteApplication(caller.tenantId, parseId(params.id))
        return { status: 204 }
      },
    }),
    ...federatedCredentialOperations(deps),
    ...passwordOperations(deps, {
      kind: 'Application',
      set: 'applications',
      objectIdOf: (_, id) => id,
    }),
  ]
}
