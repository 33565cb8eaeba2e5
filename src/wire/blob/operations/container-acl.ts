import { operation } from '../../../http/operation.ts'
import type { StorageCaller } from '../../../services/storage/storage-caller.ts'
import { xmlReply } from '../../shared/xml.ts'
import { aclXml, readAcl } from '../acl-xml.ts'
import { containerOptionsOf, publicAccessOf } from '../container-request.ts'
import type { BlobWireDeps } from '../deps.ts'
import { type BlobNeeds, type BlobOperation, needs } from '../needs.ts'
import { present, stampHeaders } from '../present.ts'
import { containerOf, leaseIdOf } from '../request.ts'

const path = '/{container}'
const query = { restype: 'container', comp: 'acl' }
const MAX_BYTES = 64 * 1024

/** https://learn.microsoft.com/rest/api/storageservices/get-container-acl and set-container-acl */
export function containerAclOperations({ blobs }: BlobWireDeps): readonly BlobOperation[] {
  return [
    operation<StorageCaller, BlobNeeds, typeof path>({
      id: 'GetContainerACL',
      method: 'GET',
      path,
      query,
      needs: needs.readContainerAcl,
      body: { kind: 'none' },
      async run(call) {
        const { doc } = await blobs.getContainerProperties(containerOf(call), leaseIdOf(call.head))
        const access = doc.publicAccess === 'none' ? undefined : doc.publicAccess
        const { headers, ...reply } = xmlReply(aclXml(doc.policies))
        return {
          ...reply,
          headers: { ...headers, ...stampHeaders(doc), ...present({ 'x-ms-blob-public-access': access }) },
        }
      },
    }),
    operation<StorageCaller, BlobNeeds, typeof path>({
      id: 'SetContainerACL',
      method: 'PUT',
      path,
      query,
      needs: needs.writeContainerAcl,
      body: { kind: 'raw', maxBytes: MAX_BYTES },
      async run(call) {
        const { head, body } = call
        const { doc } = await blobs.setContainerAcl(containerOf(call), {
          ...containerOptionsOf(head),
          publicAccess: publicAccessOf(head),
          policies: readAcl(body.raw),
        })
        return { status: 200, headers: stampHeaders(doc) }
      },
    }),
  ]
}
