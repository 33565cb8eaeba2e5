import { type Call, operation } from '../../../http/operation.ts'
import { BlobFault } from '../../../services/blob/faults.ts'
import type { ContainerState } from '../../../services/blob/container-rows.ts'
import type { ContainerDoc } from '../../../services/blob/model.ts'
import type { StorageCaller } from '../../../services/storage/storage-caller.ts'
import type { BlobWireDeps } from '../deps.ts'
import { type BlobNeeds, type BlobOperation, needs } from '../needs.ts'
import { leaseHeaders, metadataHeaders, present, stampHeaders } from '../present.ts'
import { conditionsOf, containerOf, leaseIdOf, metadataOf } from '../request.ts'

const path = '/{container}'
const query = { restype: 'container' }

/** https://learn.microsoft.com/rest/api/storageservices/create-container, get-container-properties, delete-container */
export function containerOperations({ blobs, clock }: BlobWireDeps): readonly BlobOperation[] {
  return [
    operation<StorageCaller, BlobNeeds, typeof path>({
      id: 'CreateContainer',
      method: 'PUT',
      path,
      query,
      needs: needs.createContainer,
      body: { kind: 'raw', maxBytes: 0 },
      async run(call) {
        const { headers } = call.head
        const { doc } = await blobs.createContainer(containerOf(call), {
          metadata: metadataOf(call.head),
          publicAccess: publicAccessOf(call),
          defaultScope: headers.get('x-ms-default-encryption-scope') ?? null,
          deniesScopeOverride: headers.get('x-ms-deny-encryption-scope-override')?.toLowerCase() === 'true',
        })
        return { status: 201, headers: stampHeaders(doc) }
      },
    }),
    operation<StorageCaller, BlobNeeds, typeof path>({
      id: 'GetContainerProperties',
      method: 'GET',
      path,
      query,
      needs: needs.readContainer,
      body: { kind: 'none' },
      async run(call) {
        const found = await blobs.getContainerProperties(containerOf(call), leaseIdOf(call.head))
        return { status: 200, headers: containerHeaders(found, clock.now().getTime()) }
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
        const { head } = call
        await blobs.deleteContainer(containerOf(call), {
          conditions: conditionsOf(head),
          leaseId: leaseIdOf(head),
        })
        return { status: 202 }
      },
    }),
  ]
}

/** @throws BlobFault `header-invalid` */
export function publicAccessOf({ head }: Pick<Call<StorageCaller>, 'head'>): ContainerDoc['publicAccess'] {
  const value = head.headers.get('x-ms-blob-public-access')
  if (value === undefined) return 'none'
  if (value === 'container' || value === 'blob') return value
  throw new BlobFault('header-invalid', { name: 'x-ms-blob-public-access', value })
}

function containerHeaders({ doc }: ContainerState, now: number) {
  return {
    ...stampHeaders(doc),
    ...metadataHeaders(doc.metadata),
    ...leaseHeaders(doc.lease, now),
    ...present({
      'x-ms-blob-public-access': doc.publicAccess === 'none' ? undefined : doc.publicAccess,
      'x-ms-has-immutability-policy': doc.immutability !== null,
      'x-ms-has-legal-hold': doc.legalHoldTags.length > 0,
      'x-ms-immutable-storage-with-versioning-enabled': doc.hasVersionImmutability,
      'x-ms-deny-encryption-scope-override': doc.deniesScopeOverride,
      'x-ms-default-encryption-scope':
        doc.defaultScope === null ? '$account-encryption-key' : doc.defaultScope,
    }),
  }
}
