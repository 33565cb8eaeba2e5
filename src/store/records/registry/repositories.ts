import type { Kysely, Transaction } from 'kysely'
import type { DataDb } from '../data-db.ts'
import { statement } from '../statement.ts'

/** What reads rows: the readers' connections, or a transaction that wants to see its own writes. */
export type RegistryReads = Kysely<DataDb>
/** What writes them. */
export type RegistryWrites = Transaction<DataDb>

export interface RepositoryRow {
  readonly id: string
  readonly name: string
  readonly sealed: Uint8Array
}

const repositoryByName = statement(
  (db: RegistryReads, { registry, name }: { readonly registry: string; readonly name: string }) =>
    db
      .selectFrom('registry_repositories')
      .select(['id', 'name', 'sealed'])
      .where('registry', '=', registry)
      .where('name', '=', name),
)

export async function findRepository(
  db: RegistryReads,
  registry: string,
  name: string,
): Promise<RepositoryRow | null> {
  return await repositoryByName.first(db, { registry, name })
}

export async function insertRepository(
  db: RegistryWrites,
  row: RepositoryRow & { readonly registry: string },
): Promise<void> {
  await db.insertInto('registry_repositories').values(row).execute()
}

const repositoryUpdate = statement(
  (db: RegistryReads, { id, sealed }: { readonly id: string; readonly sealed: Uint8Array }) =>
    db.updateTable('registry_repositories').set({ sealed }).where('id', '=', id),
)

export async function updateRepository(db: RegistryWrites, id: string, sealed: Uint8Array): Promise<void> {
  await repositoryUpdate.all(db, { id, sealed })
}

/** Drops the row of a repository that has nothing left. */
export async function dropEmptyRepository(db: RegistryWrites, id: string): Promise<void> {
  await db
    .deleteFrom('registry_repositories')
    .where('id', '=', id)
    .where((eb) =>
      eb.not(
        eb.exists(eb.selectFrom('registry_manifests').select('repository').where('repository', '=', id)),
      ),
    )
    .where((eb) =>
      eb.not(
        eb.exists(eb.selectFrom('registry_memberships').select('repository').where('repository', '=', id)),
      ),
    )
    .where((eb) =>
      eb.not(eb.exists(eb.selectFrom('registry_uploads').select('repository').where('repository', '=', id))),
    )
    .execute()
}

/** Repositories that have a manifest, in the order of their names, beyond `after`. */
export async function listRepositories(
  db: RegistryReads,
  registry: string,
  after: string,
  limit: number,
): Promise<readonly RepositoryRow[]> {
  return await db
    .selectFrom('registry_repositories as r')
    .select(['r.id', 'r.name', 'r.sealed'])
    .where('r.registry', '=', registry)
    .where('r.name', '>', after)
    .where((eb) =>
      eb.exists(
        eb.selectFrom('registry_manifests as m').select('m.repository').whereRef('m.repository', '=', 'r.id'),
      ),
    )
    .orderBy('r.name')
    .limit(limit)
    .execute()
}

/** Some repository of the registry, whatever it holds. */
export async function anyRepository(db: RegistryReads, registry: string): Promise<string | null> {
  const row = await db
    .selectFrom('registry_repositories')
    .select('id')
    .where('registry', '=', registry)
    .executeTakeFirst()
  return row?.id ?? null
}

export async function countContent(
  db: RegistryReads,
  repository: string,
): Promise<{ readonly manifests: number; readonly tags: number }> {
  const manifests = await db
    .selectFrom('registry_manifests')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('repository', '=', repository)
    .executeTakeFirstOrThrow()
  const tags = await db
    .selectFrom('registry_tags')
    .select(({ fn }) => fn.countAll<number>().as('count'))
    .where('repository', '=', repository)
    .executeTakeFirstOrThrow()
  return { manifests: manifests.count, tags: tags.count }
}
