import { type Call, type Reply, type RequestHead, operation, queryValue } from '../../../http/operation.ts'
import type { DeleteBlob } from '../../../services/blob/delete-blob.ts'
import { BlobFault } from '../../../services/blob/faults.ts'
import type { StorageCaller } from '../../../services/storage/storage-caller.ts'
import type { BlobWireDeps } from '../deps.ts'
import { type BlobNeeds, type BlobOperation, needs } from '../needs.ts'
import { blobOf, conditionsOf, leaseIdOf } from '../request.ts'

const path = '/{container}/{blob+}'

/** https://learn.microsoft.com/rest/api/storageservices/delete-blob: of a version, with a right of its own */
export function deleteBlobOperations({ blobs }: BlobWireDeps): readonly BlobOperation[] {
  const run = async (call: Call<StorageCaller>): Promise<Reply> => {
    const { head } = call
    const { isPermanent } = await blobs.deleteBlob(blobOf(call), commandOf(head))
    return { status: 202, headers: { 'x-ms-delete-type-permanent': String(isPermanent) } }
  }
  return [
    operation<StorageCaller, BlobNeeds, typeof path>({
      id: 'DeleteBlob',
      method: 'DELETE',
      path,
      needs: needs.deleteBlob,
      body: { kind: 'none' },
      run,
    }),
    operation<StorageCaller, BlobNeeds, typeof path>({
      id: 'DeleteBlob',
      method: 'DELETE',
      path,
      query: { versionid: true },
      needs: needs.deleteVersion,
      body: { kind: 'none' },
      run,
    }),
  ]
}

function commandOf(head: RequestHead): DeleteBlob {
  const type = queryValue(head, 'deletetype')
  if (type !== undefined && type.toLowerCase() !== 'permanent')
    throw new BlobFault('query-invalid', { name: 'deletetype', value: type })
  if (type !== undefined) throw new BlobFault('feature-disabled', { feature: 'Permanent delete' })
  const snapshots = snapshotsOf(head)
  return {
    conditions: conditionsOf(head),
    leaseId: leaseIdOf(head),
    ...(snapshots === null ? {} : { snapshots }),
  }
}

function snapshotsOf({ headers }: RequestHead): 'include' | 'only' | null {
  const value = headers.get('x-ms-delete-snapshots')?.toLowerCase()
  if (value === undefined) return null
  if (value === 'include' || value === 'only') return value
  throw new BlobFault('header-invalid', { name: 'x-ms-delete-snapshots', value })
}

/** https://learn.microsoft.com/rest/api/storageservices/undelete-blob */
export function undeleteBlobOperation({ blobs }: BlobWireDeps): BlobOperation {
  return operation<StorageCaller, BlobNeeds, typeof path>({
    id: 'UndeleteBlob',
    method: 'PUT',
    path,
    query: { comp: 'undelete' },
    needs: needs.writeBlob,
    body: { kind: 'none' },
    async run(call) {
      await blobs.undeleteBlob(blobOf(call))
      return { status: 200 }
    },
  })
}
