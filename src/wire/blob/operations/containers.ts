import { type Reply, operation } from '../../../http/operation.ts'
import type { ContainerView } from '../../../services/blob/containers.ts'
import type { StorageCaller } from '../../../services/storage/storage-caller.ts'
import { containerOptionsOf, defaultScopeOf, publicAccessOf, shownScope } from '../container-request.ts'
import type { BlobWireDeps } from '../deps.ts'
import { assertCreatable } from '../names.ts'
import { type BlobNeeds, type BlobOperation, needs } from '../needs.ts'
import { leaseHeaders, metadataHeaders, present, stampHeaders } from '../present.ts'
import { containerOf, leaseIdOf, metadataOf } from '../request.ts'

const path = '/{container}'
const query = { restype: 'container' }

/** https://learn.microsoft.com/rest/api/storageservices/create-container, get-container-properties, delete-container */
export function containerOperations(deps: BlobWireDeps): readonly BlobOperation[] {
  const { blobs, clock } = deps
  return [
    createContainerOperation(deps),
    operation<StorageCaller, BlobNeeds, typeof path>({
      id: 'GetContainerProperties',
      method: 'GET',
      path,
      query,
      needs: needs.readContainer,
      body: { kind: 'none' },
      async run(call) {
        const found = await blobs.getContainerProperties(containerOf(call), leaseIdOf(call.head))
        return propertiesReply(found, clock.now().getTime())
      },
    }),
    operation<StorageCaller, BlobNeeds, typeof path>({
      id: 'DeleteContainer',
      method: 'DELETE',
      path,
      query,
      needs: needs.deleteContainer,
      body: { kind: 'none' },
      async run(call) {
        await blobs.deleteContainer(containerOf(call), containerOptionsOf(call.head))
        return { status: 202 }
      },
    }),
  ]
}

function createContainerOperation({ blobs }: BlobWireDeps): BlobOperation {
  return operation<StorageCaller, BlobNeeds, typeof path>({
    id: 'CreateContainer',
    method: 'PUT',
    path,
    query,
    needs: needs.createContainer,
    body: { kind: 'raw', maxBytes: 0 },
    async run(call) {
      const { head } = call
      const at = containerOf(call)
      assertCreatable(at.container)
      const { doc } = await blobs.createContainer(at, {
        metadata: metadataOf(head),
        publicAccess: publicAccessOf(head),
        defaultScope: defaultScopeOf(head),
        deniesScopeOverride:
          head.headers.get('x-ms-deny-encryption-scope-override')?.toLowerCase() === 'true',
      })
      return { status: 201, headers: stampHeaders(doc) }
    },
  })
}

/** @param now milliseconds since 1970 */
function propertiesReply({ doc, scopeName }: ContainerView, now: number): Reply {
  return {
    status: 200,
    headers: {
      ...stampHeaders(doc),
      ...metadataHeaders(doc.metadata),
      ...leaseHeaders(doc.lease, now),
      ...present({
        'x-ms-blob-public-access': doc.publicAccess === 'none' ? undefined : doc.publicAccess,
        'x-ms-has-immutability-policy': doc.immutability !== null,
        'x-ms-has-legal-hold': doc.legalHoldTags.length > 0,
        'x-ms-immutable-storage-with-versioning-enabled': doc.hasVersionImmutability,
        'x-ms-deny-encryption-scope-override': doc.deniesScopeOverride,
        'x-ms-default-encryption-scope': shownScope(scopeName),
      }),
    },
  }
}
