import { countContent } from '../../store/records/registry/repositories.ts'
import type { Attributes } from './attributes.ts'
import type { ContentDeps, RepositoryPath } from './content-deps.ts'
import { type RepositoryDoc, openRegistry } from './registry-seal.ts'
import { getRepository, saveRepository } from './repository-rows.ts'

export interface RepositoryView extends RepositoryDoc {
  readonly name: string
  readonly manifests: number
  readonly tags: number
}

/** @throws RegistryFault `name-unknown` */
export async function getRepositoryView(
  deps: Pick<ContentDeps, 'records' | 'keyring'>,
  path: RepositoryPath,
  signal: AbortSignal,
): Promise<RepositoryView> {
  const { read } = deps.records
  const seal = await openRegistry(deps.keyring, path.registry, signal)
  const { id, name, doc } = await getRepository(read, seal, path)
  return { name, ...doc, ...(await countContent(read, id)) }
}

/** Sets or lifts locks. @throws RegistryFault `name-unknown` */
export async function updateRepository(
  deps: Pick<ContentDeps, 'records' | 'keyring'>,
  path: RepositoryPath,
  change: Partial<Attributes>,
  signal: AbortSignal,
): Promise<RepositoryView> {
  const seal = await openRegistry(deps.keyring, path.registry, signal)
  return await deps.records.write(async (db) => {
    const before = await getRepository(db, seal, path)
    const doc = { ...before.doc, attributes: { ...before.doc.attributes, ...change } }
    await saveRepository(db, seal, { ...before, doc })
    return { name: path.name, ...doc, ...(await countContent(db, before.id)) }
  })
}
