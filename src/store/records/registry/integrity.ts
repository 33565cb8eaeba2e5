import type { RegistryReads } from './repositories.ts'

/** A row that refers to one that is not there, or that something has to refer to and nothing does. */
export interface LooseRow {
  /** `manifest`, `tag`, ...: in words, as the sentence begins. */
  readonly what: string
  readonly row: string
  readonly problem: string
}

const repositoryMissing = 'its repository is missing'
const manifestMissing = 'its manifest is missing'

/** All references between rows that hold whatever clients do. Needs no key; what a manifest names is not among them. */
export async function* looseRows(db: RegistryReads): AsyncGenerator<LooseRow> {
  yield* looseManifests(db)
  yield* looseTags(db)
  yield* looseReferences(db)
  yield* looseMembers(db)
  yield* looseBlobs(db)
  yield* looseUploads(db)
}

async function* looseManifests(db: RegistryReads): AsyncGenerator<LooseRow> {
  const rows = db
    .selectFrom('registry_manifests as m')
    .leftJoin('registry_repositories as r', 'r.id', 'm.repository')
    .select(['m.repository', 'm.digest_index'])
    .where('r.id', 'is', null)
    .stream()
  for await (const row of rows)
    yield { what: 'manifest', row: keyOf(row.repository, row.digest_index), problem: repositoryMissing }
}

async function* looseTags(db: RegistryReads): AsyncGenerator<LooseRow> {
  const rows = db
    .selectFrom('registry_tags as t')
    .leftJoin('registry_repositories as r', 'r.id', 't.repository')
    .leftJoin('registry_manifests as m', (join) =>
      join.onRef('m.repository', '=', 't.repository').onRef('m.digest_index', '=', 't.manifest_index'),
    )
    .select(['t.repository', 't.name', 'r.id as found'])
    .where((eb) => eb.or([eb('r.id', 'is', null), eb('m.repository', 'is', null)]))
    .stream()
  for await (const { repository, name, found } of rows)
    yield {
      what: 'tag',
      row: `${repository}:${name}`,
      problem: found === null ? repositoryMissing : manifestMissing,
    }
}

async function* looseReferences(db: RegistryReads): AsyncGenerator<LooseRow> {
  const rows = db
    .selectFrom('registry_references as e')
    .leftJoin('registry_manifests as m', (join) =>
      join.onRef('m.repository', '=', 'e.repository').onRef('m.digest_index', '=', 'e.manifest_index'),
    )
    .select(['e.repository', 'e.manifest_index'])
    .where('m.repository', 'is', null)
    .stream()
  for await (const row of rows)
    yield { what: 'reference', row: keyOf(row.repository, row.manifest_index), problem: manifestMissing }
}

async function* looseMembers(db: RegistryReads): AsyncGenerator<LooseRow> {
  const rows = db
    .selectFrom('registry_memberships as m')
    .leftJoin('registry_repositories as r', 'r.id', 'm.repository')
    .leftJoin('registry_blobs as b', (join) =>
      join
        .onRef('b.id', '=', 'm.blob')
        .onRef('b.digest_index', '=', 'm.digest_index')
        .onRef('b.registry', '=', 'r.registry'),
    )
    .select(['m.repository', 'm.digest_index', 'r.id as found'])
    .where((eb) => eb.or([eb('r.id', 'is', null), eb('b.id', 'is', null)]))
    .stream()
  for await (const row of rows)
    yield {
      what: 'membership',
      row: keyOf(row.repository, row.digest_index),
      problem: row.found === null ? repositoryMissing : 'its blob is missing',
    }
}

async function* looseBlobs(db: RegistryReads): AsyncGenerator<LooseRow> {
  const rows = db
    .selectFrom('registry_blobs as b')
    .leftJoin('registry_memberships as m', 'm.blob', 'b.id')
    .select('b.id')
    .where('m.blob', 'is', null)
    .stream()
  for await (const { id } of rows) yield { what: 'blob', row: id, problem: 'no repository has it' }
}

async function* looseUploads(db: RegistryReads): AsyncGenerator<LooseRow> {
  const rows = db
    .selectFrom('registry_uploads as u')
    .leftJoin('registry_repositories as r', 'r.id', 'u.repository')
    .select('u.id')
    .where('r.id', 'is', null)
    .stream()
  for await (const { id } of rows) yield { what: 'upload', row: id, problem: repositoryMissing }
}

/** Something whose bytes are in extents. */
export interface ExtentOwner {
  readonly kind: 'blob' | 'upload'
  readonly id: string
  readonly size: number
}

/** Blobs and uploads of all registries. */
export async function* extentOwners(db: RegistryReads): AsyncGenerator<ExtentOwner> {
  for await (const row of db.selectFrom('registry_blobs').select(['id', 'size']).stream())
    yield { kind: 'blob', ...row }
  for await (const row of db.selectFrom('registry_uploads').select(['id', 'size']).stream())
    yield { kind: 'upload', ...row }
}

/** The refs of extents that have lost their key, or that belong to nothing, although they are not on their way out. */
export async function* looseExtents(
  db: RegistryReads,
): AsyncGenerator<{ readonly ref: string; readonly owner: string; readonly hasKey: boolean }> {
  const rows = db
    .selectFrom('registry_extents as e')
    .leftJoin('registry_blobs as b', 'b.id', 'e.owner')
    .leftJoin('registry_uploads as u', 'u.id', 'e.owner')
    .select(['e.ref', 'e.owner', 'e.sealed'])
    .where('e.doomed_at', 'is', null)
    .where((eb) =>
      eb.or([eb('e.sealed', 'is', null), eb.and([eb('b.id', 'is', null), eb('u.id', 'is', null)])]),
    )
    .stream()
  for await (const { ref, owner, sealed } of rows) yield { ref, owner, hasKey: sealed !== null }
}

function keyOf(repository: string, index: Uint8Array): string {
  return `${repository}/${Buffer.from(index).toString('hex')}`
}
