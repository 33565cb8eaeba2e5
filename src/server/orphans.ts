import type { KeyOwner } from '../store/records/key-secrets/key-secrets.ts'
import { protectedTypes } from './protected-types.ts'
import type { Services } from './services.ts'

/**
 * Takes away what a crash left of registries and storage accounts whose creation or deletion was cut short: data and keys
 * without a resource.
 * Only what was without one at the time before too: a creation under way has its keys before its resource.
 */
export function orphanSweeper({
  resourceStore,
  registryContent,
  blobs,
  keyring,
  listKeyOwners,
}: Pick<
  Services,
  'resourceStore' | 'registryContent' | 'blobs' | 'keyring' | 'listKeyOwners'
>): () => Promise<void> {
  let suspects: ReadonlySet<string> = new Set()
  return async () => {
    const owners: KeyOwner[] = []
    // The owners first: a resource that is committed meanwhile is then seen.
    for await (const owner of listKeyOwners()) if (isKnown(owner)) owners.push(owner)
    const living = new Set<string>()
    for (const { type } of protectedTypes)
      for (const { uid } of await resourceStore.listByType(type)) living.add(uid)
    const without = owners.filter(({ uid }) => !living.has(uid))
    for (const owner of without.filter(({ uid }) => suspects.has(uid))) {
      if (owner.purpose === 'registry') await registryContent.discard(owner.uid)
      if (owner.purpose === 'storage-account') await blobs.discard(owner.uid)
      await keyring.destroy(owner)
    }
    suspects = new Set(without.map(({ uid }) => uid))
  }
}

/** Of a purpose that is none of these nobody here knows whether its resource is there. */
function isKnown(owner: KeyOwner): boolean {
  return protectedTypes.some(({ purpose }) => purpose === owner.purpose)
}
