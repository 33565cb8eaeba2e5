import { type AnyOperation, operation } from '../../../http/operation.ts'
import type { JsonObject } from '../../../kernel/json.ts'
import { KIB } from '../../../kernel/units.ts'
import { getByIdsBody, parseBody } from '../bodies.ts'
import type { Caller } from '../../../services/directory/caller.ts'
import type { GraphDeps, GraphNeed } from '../deps.ts'
import { GraphFault } from '../faults.ts'
import { contextOf, presentApplication } from '../present.ts'
import { presented } from './service-principals.ts'

const none = { kind: 'none' } as const

/** What az asks about signed-in users, assignees and role listings. */
export function lookUpOperations(deps: GraphDeps): readonly AnyOperation<Caller, GraphNeed>[] {
  const { directory, endpoints } = deps
  /** Every caller is an application: az goes on with its service principal after the refusal. */
  const me = (id: string, path: string) =>
    operation<Caller, GraphNeed, string>({
      id,
      method: 'GET',
      path,
      needs: 'read',
      body: none,
      run: () => Promise.reject(new GraphFault('not-delegated', {})),
    })
  /** Of users and groups there are none: az asks before it takes an assignee for a principal. */
  const nobody = (id: string, set: 'users' | 'groups') =>
    operation<Caller, GraphNeed, string>({
      id,
      method: 'GET',
      path: `/v1.0/${set}`,
      needs: 'read',
      body: none,
      run: async () => ({ status: 200, body: { ...contextOf(endpoints, set), value: [] } }),
    })

  return [
    me('GetMe', '/v1.0/me'),
    me('ListMyObjects', '/v1.0/me/ownedObjects'),
    nobody('ListUsers', 'users'),
    nobody('ListGroups', 'groups'),
    operation({
      id: 'GetByIds',
      method: 'POST',
      path: '/v1.0/directoryObjects/getByIds',
      needs: 'read',
      body: { kind: 'json', maxBytes: 128 * KIB },
      async run({ caller, body }) {
        const { ids, types } = parseBody(getByIdsBody, body.json)
        const wanted = new Set(ids.map((id) => id.toLowerCase()))
        const isWanted = (type: string) =>
          types?.some((each) => each.toLowerCase() === type.toLowerCase()) ?? true
        const found: JsonObject[] = []
        if (isWanted('servicePrincipal')) {
          for (const principal of directory.listServicePrincipals(caller.tenantId)) {
            if (!wanted.has(principal.principalId)) continue
            found.push({ '@odata.type': '#microsoft.graph.servicePrincipal', ...presented(deps, principal) })
          }
        }
        if (isWanted('application')) {
          for (const application of directory.listApplications(caller.tenantId)) {
            if (!wanted.has(application.objectId)) continue
            found.push({ '@odata.type': '#microsoft.graph.application', ...presentApplication(application) })
          }
        }
        return { status: 200, body: { ...contextOf(endpoints, 'directoryObjects'), value: found } }
      },
    }),
  ]
}
