import { randomHex } from '../../crypto/random.ts'
import { hasManifests } from '../../store/records/registry/manifests.ts'
import {
  type RegistryReads,
  type RegistryWrites,
  dropEmptyRepository,
  findRepository,
  insertRepository,
  updateRepository,
} from '../../store/records/registry/repositories.ts'
import { type Lockable, unlocked } from './attributes.ts'
import type { RepositoryPath } from './content-deps.ts'
import { RegistryFault } from './faults.ts'
import type { RegistrySeal, RepositoryDoc } from './registry-seal.ts'

export interface Repository {
  readonly id: string
  readonly name: string
  readonly doc: RepositoryDoc
}

/** A repository exists, for whoever asks by name, while it has a manifest. @throws RegistryFault `name-unknown` */
export async function getRepository(
  db: RegistryReads,
  seal: RegistrySeal,
  { registry, name }: RepositoryPath,
): Promise<Repository> {
  const row = await findRepository(db, registry.uid, name)
  if (row === null || !(await hasManifests(db, row.id))) throw new RegistryFault('name-unknown', { name })
  return { id: row.id, name, doc: seal.repository.open({ id: row.id, name }, row.sealed) }
}

/** Makes the row that content of a repository hangs on. It shows in no list before it has a manifest. */
export async function ensureRepository(
  db: RegistryWrites,
  seal: RegistrySeal,
  { registry, name }: RepositoryPath,
  now: number,
): Promise<Repository> {
  const row = await findRepository(db, registry.uid, name)
  if (row !== null) return { id: row.id, name, doc: seal.repository.open({ id: row.id, name }, row.sealed) }
  const id = randomHex(16)
  const doc = freshRepository(now)
  await insertRepository(db, {
    id,
    registry: registry.uid,
    name,
    sealed: seal.repository.seal({ id, name }, doc),
  })
  return { id, name, doc }
}

export async function saveRepository(
  db: RegistryWrites,
  seal: RegistrySeal,
  { id, name, doc }: Repository,
): Promise<void> {
  await updateRepository(db, id, seal.repository.seal({ id, name }, doc))
}

/** After manifests went: with the last one the repository is gone, and with it its locks and its age. */
export async function leaveRepository(
  db: RegistryWrites,
  seal: RegistrySeal,
  repository: Repository,
  now: number,
): Promise<void> {
  const isAlive = await hasManifests(db, repository.id)
  const doc = isAlive ? { ...repository.doc, updatedAt: now } : freshRepository(now)
  await saveRepository(db, seal, { ...repository, doc })
  if (!isAlive) await dropEmptyRepository(db, repository.id)
}

export function lockOf({ name, doc }: Pick<Repository, 'name' | 'doc'>): Lockable {
  return { name, reference: null, attributes: doc.attributes }
}

function freshRepository(now: number): RepositoryDoc {
  return { createdAt: null, updatedAt: now, attributes: unlocked }
}
