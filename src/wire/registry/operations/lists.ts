import { type Call, type Reply, operation } from '../../../http/operation.ts'
import type { RegistryCaller } from '../../../services/registry/registry-caller.ts'
import type { RegistryContent } from '../../../services/registry/registry-content.ts'
import type { RegistryNeeds, RegistryOperation } from '../needs.ts'
import { nextLink, pageSize } from '../paging.ts'
import { repositoryOf } from '../paths.ts'

const tagsPath = '/v2/{name+}/tags/list'
/** Without `n`: as many as one answer holds. */
const PAGE = 1_000
const ACR_PAGE = 100

/** OCI distribution-spec 1.1, "Listing Tags"; Docker's and ACR's catalog. */
export function listOperations(content: RegistryContent): readonly RegistryOperation[] {
  return [
    operation<RegistryCaller, RegistryNeeds, typeof tagsPath>({
      id: 'ListTags',
      method: 'GET',
      path: tagsPath,
      needs: { action: 'metadata_read', repository: 'param' },
      body: { kind: 'none' },
      async run(call) {
        const at = repositoryOf(call)
        const limit = pageSize(call.head, PAGE)
        const last = call.head.query.get('last')
        const after = last === null ? null : { key: last, at: null }
        const { items, next } = await content.listTags(
          { ...at, order: 'key', after, limit, digest: null },
          call.signal,
        )
        return {
          status: 200,
          headers: next === null ? {} : nextLink(`/v2/${at.name}/tags/list`, { last: next.key, n: limit }),
          body: { name: at.name, tags: items.map(({ name }) => name) },
        }
      },
    }),
    operation<RegistryCaller, RegistryNeeds, '/v2/_catalog'>({
      id: 'ListCatalog',
      method: 'GET',
      path: '/v2/_catalog',
      needs: { action: 'catalog', repository: null },
      body: { kind: 'none' },
      run: (call) => catalog(content, call, '/v2/_catalog', PAGE),
    }),
    operation<RegistryCaller, RegistryNeeds, '/acr/v1/_catalog'>({
      id: 'AcrListCatalog',
      method: 'GET',
      path: '/acr/v1/_catalog',
      needs: { action: 'catalog', repository: null },
      body: { kind: 'none' },
      run: (call) => catalog(content, call, '/acr/v1/_catalog', ACR_PAGE),
    }),
  ]
}

async function catalog(
  content: RegistryContent,
  { head, caller, signal }: Call<RegistryCaller>,
  path: string,
  standard: number,
): Promise<Reply> {
  const limit = pageSize(head, standard)
  const query = { registry: caller.registry, after: head.query.get('last') ?? '', limit }
  const { items, next } = await content.listRepositories(query, signal)
  return {
    status: 200,
    headers: next === null ? {} : nextLink(path, { last: next, n: limit }),
    body: { repositories: [...items] },
  }
}
