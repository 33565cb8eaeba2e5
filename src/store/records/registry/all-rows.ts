import type { RegistryReads } from './repositories.ts'

/** Pages of all that a registry or repository has, in the order of a key, beyond `after`: for who looks at every row. */
export interface PageOf<C> {
  readonly after: C
  readonly limit: number
}

/** What the first page of a list by index begins after. */
export const beforeAllIndexes: Uint8Array = new Uint8Array(0)

export async function repositoriesPage(
  db: RegistryReads,
  registry: string,
  { after, limit }: PageOf<string>,
) {
  return await db
    .selectFrom('registry_repositories')
    .select(['id', 'name', 'sealed'])
    .where('registry', '=', registry)
    .where('name', '>', after)
    .orderBy('name')
    .limit(limit)
    .execute()
}

export async function manifestsPage(
  db: RegistryReads,
  repository: string,
  { after, limit }: PageOf<Uint8Array>,
) {
  return await db
    .selectFrom('registry_manifests')
    .select(['digest_index', 'size', 'sealed', 'body'])
    .where('repository', '=', repository)
    .where('digest_index', '>', after)
    .orderBy('digest_index')
    .limit(limit)
    .execute()
}

export async function membersPage(
  db: RegistryReads,
  repository: string,
  { after, limit }: PageOf<Uint8Array>,
) {
  return await db
    .selectFrom('registry_memberships')
    .select(['digest_index', 'blob', 'sealed'])
    .where('repository', '=', repository)
    .where('digest_index', '>', after)
    .orderBy('digest_index')
    .limit(limit)
    .execute()
}

export async function uploadsPage(db: RegistryReads, repository: string, { after, limit }: PageOf<string>) {
  return await db
    .selectFrom('registry_uploads')
    .select(['id', 'size', 'sealed'])
    .where('repository', '=', repository)
    .where('id', '>', after)
    .orderBy('id')
    .limit(limit)
    .execute()
}

export async function blobsPage(db: RegistryReads, registry: string, { after, limit }: PageOf<string>) {
  return await db
    .selectFrom('registry_blobs')
    .select(['id', 'digest_index', 'size', 'sealed'])
    .where('registry', '=', registry)
    .where('id', '>', after)
    .orderBy('id')
    .limit(limit)
    .execute()
}

/** What the rows say that a manifest names. */
export async function referencesOf(db: RegistryReads, repository: string, manifestIndex: Uint8Array) {
  return await db
    .selectFrom('registry_references')
    .select(['kind', 'target_index'])
    .where('repository', '=', repository)
    .where('manifest_index', '=', manifestIndex)
    .execute()
}
