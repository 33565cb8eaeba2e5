import { sql } from 'kysely'
import { listStatement, statement } from '../statement.ts'
import type { RegistryReads, RegistryWrites } from './repositories.ts'
import type { ReferenceKind } from './tables.ts'

export interface ManifestRow {
  readonly digest_index: Uint8Array
  readonly updated_at: number
  readonly sealed: Uint8Array
}

/** A manifest together with the rows on the way to it, in one statement. */
export interface PulledManifest {
  readonly repository: string
  readonly repositorySealed: Uint8Array
  readonly tagSealed: Uint8Array | null
  readonly digestIndex: Uint8Array
  readonly sealed: Uint8Array
}

interface ManifestKey {
  readonly repository: string
  readonly digestIndex: Uint8Array
}

interface InNamed {
  readonly registry: string
  readonly name: string
}

const manifestByTag = statement(
  (db: RegistryReads, { registry, name, tag }: InNamed & { readonly tag: string }) =>
    db
      .selectFrom('registry_repositories as r')
      .innerJoin('registry_tags as t', 't.repository', 'r.id')
      .innerJoin('registry_manifests as m', (join) =>
        join.onRef('m.repository', '=', 'r.id').onRef('m.digest_index', '=', 't.manifest_index'),
      )
      .select([
        'r.id as repository',
        'r.sealed as repositorySealed',
        't.sealed as tagSealed',
        'm.digest_index as digestIndex',
        'm.sealed as sealed',
      ])
      .where('r.registry', '=', registry)
      .where('r.name', '=', name)
      .where('t.name', '=', tag),
)

export async function findManifestByTag(
  db: RegistryReads,
  registry: string,
  name: string,
  tag: string,
): Promise<PulledManifest | null> {
  return await manifestByTag.first(db, { registry, name, tag })
}

const manifestByDigest = statement(
  (db: RegistryReads, { registry, name, digestIndex }: InNamed & Pick<ManifestKey, 'digestIndex'>) =>
    db
      .selectFrom('registry_repositories as r')
      .innerJoin('registry_manifests as m', 'm.repository', 'r.id')
      .select([
        'r.id as repository',
        'r.sealed as repositorySealed',
        'm.digest_index as digestIndex',
        'm.sealed as sealed',
      ])
      .where('r.registry', '=', registry)
      .where('r.name', '=', name)
      .where('m.digest_index', '=', digestIndex),
)

export async function findManifestByDigest(
  db: RegistryReads,
  registry: string,
  name: string,
  digestIndex: Uint8Array,
): Promise<PulledManifest | null> {
  const row = await manifestByDigest.first(db, { registry, name, digestIndex })
  return row === null ? null : { ...row, tagSealed: null }
}

const bodyByDigest = statement((db: RegistryReads, { repository, digestIndex }: ManifestKey) =>
  db
    .selectFrom('registry_manifests')
    .select('body')
    .where('repository', '=', repository)
    .where('digest_index', '=', digestIndex),
)

export async function readManifestBody(
  db: RegistryReads,
  repository: string,
  digestIndex: Uint8Array,
): Promise<Uint8Array | null> {
  return (await bodyByDigest.first(db, { repository, digestIndex }))?.body ?? null
}

const manifestRow = statement((db: RegistryReads, { repository, digestIndex }: ManifestKey) =>
  db
    .selectFrom('registry_manifests')
    .select(['digest_index', 'updated_at', 'sealed'])
    .where('repository', '=', repository)
    .where('digest_index', '=', digestIndex),
)

export async function findManifest(
  db: RegistryReads,
  repository: string,
  digestIndex: Uint8Array,
): Promise<ManifestRow | null> {
  return await manifestRow.first(db, { repository, digestIndex })
}

export interface NewManifest {
  readonly repository: string
  readonly digest_index: Uint8Array
  readonly size: number
  readonly updated_at: number
  readonly sealed: Uint8Array
  readonly body: Uint8Array
}

const manifestInsert = statement(
  (db: RegistryReads, { repository, digest_index, size, updated_at, sealed, body }: NewManifest) =>
    db.insertInto('registry_manifests').values({ repository, digest_index, size, updated_at, sealed, body }),
)

export async function insertManifest(db: RegistryWrites, row: NewManifest): Promise<void> {
  await manifestInsert.all(db, row)
}

export async function updateManifest(
  db: RegistryWrites,
  repository: string,
  { digest_index, ...changed }: ManifestRow,
): Promise<void> {
  await db
    .updateTable('registry_manifests')
    .set(changed)
    .where('repository', '=', repository)
    .where('digest_index', '=', digest_index)
    .execute()
}

/** Its references go with it. */
export async function deleteManifestRow(
  db: RegistryWrites,
  repository: string,
  digestIndex: Uint8Array,
): Promise<void> {
  await db
    .deleteFrom('registry_manifests')
    .where('repository', '=', repository)
    .where('digest_index', '=', digestIndex)
    .execute()
  await db
    .deleteFrom('registry_references')
    .where('repository', '=', repository)
    .where('manifest_index', '=', digestIndex)
    .execute()
}

const someManifest = statement((db: RegistryReads, { repository }: Pick<ManifestKey, 'repository'>) =>
  db.selectFrom('registry_manifests').select('repository').where('repository', '=', repository).limit(1),
)

export async function hasManifests(db: RegistryReads, repository: string): Promise<boolean> {
  return (await someManifest.first(db, { repository })) !== null
}

/** How lists of manifests and tags may be ordered. */
export type ListOrder = 'key' | 'oldest' | 'newest'

/** Where a list goes on: beyond this row. Null begins it. */
export interface ManifestCursor {
  readonly digestIndex: Uint8Array
  readonly updatedAt: number
}

export async function listManifests(
  db: RegistryReads,
  repository: string,
  {
    order,
    after,
    limit,
  }: { readonly order: ListOrder; readonly after: ManifestCursor | null; readonly limit: number },
): Promise<readonly ManifestRow[]> {
  let query = db
    .selectFrom('registry_manifests')
    .select(['digest_index', 'updated_at', 'sealed'])
    .where('repository', '=', repository)
    .limit(limit)
  if (order === 'key') {
    if (after !== null) query = query.where('digest_index', '>', after.digestIndex)
    return await query.orderBy('digest_index').execute()
  }
  const direction = order === 'oldest' ? 'asc' : 'desc'
  if (after !== null) {
    const compare = sql.raw(order === 'oldest' ? '>' : '<')
    query = query.where(
      sql<boolean>`(updated_at, digest_index) ${compare} (${after.updatedAt}, ${after.digestIndex})`,
    )
  }
  return await query.orderBy('updated_at', direction).orderBy('digest_index', direction).execute()
}

export interface Reference {
  readonly kind: ReferenceKind
  readonly target: Uint8Array
}

const referencesInsert = listStatement(
  (
    db: RegistryReads,
    { repository, manifestIndex }: { readonly repository: string; readonly manifestIndex: Uint8Array },
    references: readonly Reference[],
  ) =>
    db
      .insertInto('registry_references')
      .values(
        references.map(({ kind, target }) => ({
          repository,
          manifest_index: manifestIndex,
          kind,
          target_index: target,
        })),
      )
      .onConflict((conflict) => conflict.doNothing()),
)

export async function insertReferences(
  db: RegistryWrites,
  repository: string,
  manifestIndex: Uint8Array,
  references: readonly Reference[],
): Promise<void> {
  await referencesInsert.all(db, { repository, manifestIndex }, references)
}

/** Manifests that refer to `target` in that way, in the order of their index, beyond `after`. */
export async function listReferring(
  db: RegistryReads,
  repository: string,
  {
    kind,
    target,
    after,
    limit,
  }: {
    readonly kind: ReferenceKind
    readonly target: Uint8Array
    readonly after: Uint8Array
    readonly limit: number
  },
): Promise<readonly ManifestRow[]> {
  return await db
    .selectFrom('registry_references as e')
    .innerJoin('registry_manifests as m', (join) =>
      join.onRef('m.repository', '=', 'e.repository').onRef('m.digest_index', '=', 'e.manifest_index'),
    )
    .select(['m.digest_index', 'm.updated_at', 'm.sealed'])
    .where('e.repository', '=', repository)
    .where('e.target_index', '=', target)
    .where('e.kind', '=', kind)
    .where('e.manifest_index', '>', after)
    .orderBy('e.manifest_index')
    .limit(limit)
    .execute()
}
