import { operation } from '../../../http/operation.ts'
import { BlobFault } from '../../../services/blob/faults.ts'
import type { StorageCaller } from '../../../services/storage/storage-caller.ts'
import type { BlobWireDeps } from '../deps.ts'
import { type BlobNeeds, type BlobOperation, needs } from '../needs.ts'
import { containerOf } from '../request.ts'

const NAME = 'x-ms-deleted-container-name'
const VERSION = 'x-ms-deleted-container-version'

/** Under its own name alone. https://learn.microsoft.com/rest/api/storageservices/restore-container */
export function restoreContainerOperation({ blobs }: BlobWireDeps): BlobOperation {
  return operation<StorageCaller, BlobNeeds, '/{container}'>({
    id: 'RestoreContainer',
    method: 'PUT',
    path: '/{container}',
    query: { restype: 'container', comp: 'undelete' },
    needs: needs.writeContainer,
    body: { kind: 'none' },
    async run(call) {
      const { headers } = call.head
      const at = containerOf(call)
      const name = headers.get(NAME)
      const version = headers.get(VERSION)
      if (name === undefined) throw new BlobFault('header-missing', { name: NAME })
      if (version === undefined) throw new BlobFault('header-missing', { name: VERSION })
      if (name !== at.container) throw new BlobFault('header-invalid', { name: NAME, value: name })
      await blobs.restoreContainer(at, version)
      return { status: 201 }
    },
  })
}
