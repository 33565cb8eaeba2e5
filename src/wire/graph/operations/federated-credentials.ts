import { type AnyOperation, operation } from '../../../http/operation.ts'
import type { Endpoints } from '../../../kernel/endpoints.ts'
import type { JsonObject } from '../../../kernel/json.ts'
import { KIB } from '../../../kernel/units.ts'
import type { Caller } from '../../../services/directory/caller.ts'
import type { Application, FederatedCredential } from '../../../services/directory/directory-objects.ts'
import { DirectoryObjectFault } from '../../../services/directory/faults.ts'
import { federatedCredentialBody, federatedCredentialPatch, parseBody, parseId } from '../bodies.ts'
import type { GraphDeps, GraphNeed } from '../deps.ts'
import { listReply } from '../list.ts'
import { contextOf, presentFederatedCredential } from '../present.ts'

const none = { kind: 'none' } as const
const json = { kind: 'json', maxBytes: 64 * KIB } as const
const all = '/v1.0/applications/{id}/federatedIdentityCredentials'
const single = `${all}/{credential}` as const

/** https://learn.microsoft.com/graph/api/resources/federatedidentitycredential#methods: what `az ad app federated-credential` uses. */
export function federatedCredentialOperations(deps: GraphDeps): readonly AnyOperation<Caller, GraphNeed>[] {
  return [...readOperations(deps), ...writeOperations(deps)]
}

function readOperations({ directory, endpoints }: GraphDeps): readonly AnyOperation<Caller, GraphNeed>[] {
  return [
    operation({
      id: 'ListFederatedCredentials',
      method: 'GET',
      path: all,
      needs: 'read',
      body: none,
      async run({ head, params, caller }) {
        const application = directory.getApplication(caller.tenantId, parseId(params.id))
        return listReply(endpoints, head, {
          set: setOf(application),
          objects: application.federatedCredentials.toSorted((a, b) => (a.id < b.id ? -1 : 1)),
          idOf: ({ id }) => id,
          present: presentFederatedCredential,
        })
      },
    }),
    operation({
      id: 'GetFederatedCredential',
      method: 'GET',
      path: single,
      needs: 'read',
      body: none,
      async run({ params, caller }) {
        const application = directory.getApplication(caller.tenantId, parseId(params.id))
        const credential = credentialOf(application, params.credential)
        return { status: 200, body: presentOne(endpoints, application, credential) }
      },
    }),
  ]
}

function writeOperations({ directory, endpoints }: GraphDeps): readonly AnyOperation<Caller, GraphNeed>[] {
  return [
    operation({
      id: 'CreateFederatedCredential',
      method: 'POST',
      path: all,
      needs: 'write',
      body: json,
      async run({ params, caller: { tenantId }, body }) {
        const { audiences, description, ...sent } = parseBody(federatedCredentialBody, body.json)
        const application = directory.getApplication(tenantId, parseId(params.id))
        const added = await directory.addFederatedCredential(tenantId, application.objectId, {
          ...sent,
          audience: audiences,
          description: description ?? null,
        })
        return { status: 201, body: presentOne(endpoints, application, added) }
      },
    }),
    operation({
      id: 'UpdateFederatedCredential',
      method: 'PATCH',
      path: single,
      needs: 'write',
      body: json,
      async run({ params, caller: { tenantId }, body }) {
        const { name, audiences, ...sent } = parseBody(federatedCredentialPatch, body.json)
        const { objectId, ...application } = directory.getApplication(tenantId, parseId(params.id))
        const credential = credentialOf(application, params.credential)
        if (name !== undefined && name !== credential.name) {
          const facts = { property: 'name', value: name, reason: 'a name cannot be changed' }
          throw new DirectoryObjectFault('credential-invalid', facts)
        }
        const change = { ...sent, audience: audiences }
        await directory.changeFederatedCredential(tenantId, objectId, credential.id, change)
        return { status: 204 }
      },
    }),
    operation({
      id: 'DeleteFederatedCredential',
      method: 'DELETE',
      path: single,
      needs: 'write',
      body: none,
      async run({ params, caller: { tenantId } }) {
        const { objectId, ...application } = directory.getApplication(tenantId, parseId(params.id))
        const { id } = credentialOf(application, params.credential)
        await directory.removeFederatedCredential(tenantId, objectId, id)
        return { status: 204 }
      },
    }),
  ]
}

/** By its id or its name, as Graph takes either. @throws DirectoryObjectFault `object-not-found` */
function credentialOf(
  { federatedCredentials: all }: Pick<Application, 'federatedCredentials'>,
  text: string,
): FederatedCredential {
  const wanted = text.toLowerCase()
  const found = all.find(({ id }) => id === wanted) ?? all.find(({ name }) => name === text)
  if (found === undefined) throw new DirectoryObjectFault('object-not-found', { id: text.slice(0, 200) })
  return found
}

function setOf({ objectId }: Pick<Application, 'objectId'>): string {
  return `applications('${objectId}')/federatedIdentityCredentials`
}

function presentOne(
  endpoints: Endpoints,
  application: Application,
  credential: FederatedCredential,
): JsonObject {
  return {
    ...contextOf(endpoints, `${setOf(application)}/$entity`),
    ...presentFederatedCredential(credential),
  }
}
