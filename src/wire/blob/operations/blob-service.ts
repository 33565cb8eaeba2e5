import { operation, queryValue } from '../../../http/operation.ts'
import { BlobFault } from '../../../services/blob/faults.ts'
import type { StorageCaller } from '../../../services/storage/storage-caller.ts'
import { xmlReply } from '../../shared/xml.ts'
import { isSecondary } from '../auth.ts'
import type { BlobWireDeps } from '../deps.ts'
import { httpDate } from '../headers.ts'
import { type BlobNeeds, type BlobOperation, needs } from '../needs.ts'
import { servicePropertiesXml } from '../present-service.ts'
import { readServiceProperties } from '../service-properties.ts'

const path = '/'
const properties = { restype: 'service', comp: 'properties' }
const MAX_BYTES = 64 * 1024

/** https://learn.microsoft.com/rest/api/storageservices/get-blob-service-properties and set-blob-service-properties */
export function servicePropertiesOperations({ blobs }: BlobWireDeps): readonly BlobOperation[] {
  return [
    operation<StorageCaller, BlobNeeds, typeof path>({
      id: 'GetBlobServiceProperties',
      method: 'GET',
      path,
      query: properties,
      needs: needs.readService,
      body: { kind: 'none' },
      run: async ({ caller }) => xmlReply(servicePropertiesXml(caller.account.blobService)),
    }),
    operation<StorageCaller, BlobNeeds, typeof path>({
      id: 'SetBlobServiceProperties',
      method: 'PUT',
      path,
      query: properties,
      needs: needs.writeService,
      body: { kind: 'raw', maxBytes: MAX_BYTES },
      async run({ caller, body }) {
        await blobs.setServiceProperties(caller.account, readServiceProperties(body.raw))
        return { status: 202 }
      },
    }),
  ]
}

/**
 * Only where accounts have a secondary endpoint, and there alone. What is read there is the one copy that is kept, so it is
 * never behind. https://learn.microsoft.com/rest/api/storageservices/get-blob-service-stats
 */
export function serviceStatsOperation({ clock }: BlobWireDeps): BlobOperation {
  return operation<StorageCaller, BlobNeeds, typeof path>({
    id: 'GetBlobServiceStats',
    method: 'GET',
    path,
    query: { restype: 'service', comp: 'stats' },
    needs: needs.readService,
    body: { kind: 'none' },
    async run({ head }) {
      if (!isSecondary(head)) {
        const value = queryValue(head, 'comp') ?? ''
        throw new BlobFault('query-invalid', {
          name: 'comp',
          value,
          reason: 'only the secondary endpoint has it',
        })
      }
      const replication = [
        ['Status', 'live'],
        ['LastSyncTime', httpDate(clock.now().getTime())],
      ] as const
      return xmlReply(['StorageServiceStats', [['GeoReplication', replication]]])
    },
  })
}
