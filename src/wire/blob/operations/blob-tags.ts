import { operation } from '../../../http/operation.ts'
import { KIB } from '../../../kernel/units.ts'
import { checksum } from '../../../services/blob/checksum.ts'
import type { StorageCaller } from '../../../services/storage/storage-caller.ts'
import { xmlReply } from '../../shared/xml.ts'
import type { BlobWireDeps } from '../deps.ts'
import { type BlobNeeds, type BlobOperation, needs } from '../needs.ts'
import { blobOf, checksumOf, conditionsOf, leaseIdOf } from '../request.ts'
import { readTagsXml, tagsXml } from '../tags-xml.ts'

const path = '/{container}/{blob+}'
const query = { comp: 'tags' }

/** Ten tags, however they are written. */
const MAX_BYTES = 64 * KIB

/** https://learn.microsoft.com/rest/api/storageservices/get-blob-tags and set-blob-tags */
export function blobTagsOperations({ blobs }: BlobWireDeps): readonly BlobOperation[] {
  return [
    operation<StorageCaller, BlobNeeds, typeof path>({
      id: 'GetBlobTags',
      method: 'GET',
      path,
      query,
      needs: needs.readTags,
      body: { kind: 'none' },
      async run(call) {
        const { head } = call
        const options = { conditions: conditionsOf(head), leaseId: leaseIdOf(head) }
        return xmlReply(tagsXml(await blobs.getBlobTags(blobOf(call), options)))
      },
    }),
    operation<StorageCaller, BlobNeeds, typeof path>({
      id: 'SetBlobTags',
      method: 'PUT',
      path,
      query,
      needs: needs.writeTags,
      body: { kind: 'raw', maxBytes: MAX_BYTES },
      async run(call) {
        const { head, body } = call
        const sum = checksum(checksumOf(head))
        sum.update(body.raw)
        sum.assert()
        const tags = readTagsXml(body.raw)
        const options = { conditions: conditionsOf(head), leaseId: leaseIdOf(head) }
        await blobs.setBlobTags(blobOf(call), { tags, ...options })
        return { status: 204 }
      },
    }),
  ]
}
