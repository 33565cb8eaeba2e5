import { operation } from '../../../http/operation.ts'
import { getDigest, parseDigest } from '../../../services/registry/digest.ts'
import { OCI_INDEX } from '../../../services/registry/manifest-document.ts'
import type { RegistryCaller } from '../../../services/registry/registry-caller.ts'
import type { RegistryContent } from '../../../services/registry/registry-content.ts'
import type { RegistryNeeds, RegistryOperation } from '../needs.ts'
import { nextLink, pageSize } from '../paging.ts'
import { repositoryOf } from '../paths.ts'

const path = '/v2/{name+}/referrers/{digest}'
const PAGE = 1_000

/** OCI distribution-spec 1.1, "Listing Referrers": an index, empty for what nothing refers to or does not exist. */
export function referrersOperation(content: RegistryContent): RegistryOperation {
  return operation<RegistryCaller, RegistryNeeds, typeof path>({
    id: 'ListReferrers',
    method: 'GET',
    path,
    needs: { action: 'pull', repository: 'param' },
    body: { kind: 'none' },
    async run(call) {
      const { query } = call.head
      const at = repositoryOf(call)
      const subject = getDigest(call.params.digest)
      // No media type has a space: it was a plus that the client left unescaped.
      const artifactType = query.get('artifactType')?.replaceAll(' ', '+') || null
      const limit = Math.max(1, pageSize(call.head, PAGE))
      const after = parseDigest(query.get('last') ?? '')
      const page = await content.listReferrers({ ...at, subject, artifactType, after, limit }, call.signal)
      return {
        status: 200,
        headers: {
          'content-type': OCI_INDEX,
          ...(artifactType === null ? {} : { 'oci-filters-applied': 'artifactType' }),
          ...(page.next === null
            ? {}
            : nextLink(`/v2/${at.name}/referrers/${subject}`, { last: page.next, n: limit, artifactType })),
        },
        body: {
          schemaVersion: 2,
          mediaType: OCI_INDEX,
          manifests: page.items.map((referrer) => ({ ...referrer })),
        },
      }
    },
  })
}
