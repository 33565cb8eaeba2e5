import { expect, it } from 'vitest'
import { REGISTRY_TYPE } from '../services/registry/registries.ts'
import type { Resource } from '../services/resources/provider.ts'
import { ENCRYPTION_SCOPE_TYPE, STORAGE_ACCOUNT_TYPE } from '../services/storage/storage-account.ts'
import type { KeyOwner } from '../store/records/key-secrets/key-secrets.ts'
import { orphanSweeper } from './orphans.ts'

const owner = (uid: string, purpose: string): KeyOwner => ({ uid, resourceId: `/${uid}`, purpose })

/** The sweeper over lists that a test changes, and what it took away. */
function bench(owners: readonly KeyOwner[], living: Readonly<Record<string, readonly string[]>>) {
  const gone: string[] = []
  const state = { living }
  const sweep = orphanSweeper({
    listKeyOwners: async function* () {
      yield* owners
    },
    resourceStore: {
      listByType: (type: string) =>
        Promise.resolve((state.living[type] ?? []).map((uid) => ({ uid }) as Resource)),
    },
    registryContent: { discard: (uid: string) => Promise.resolve(void gone.push(`content of ${uid}`)) },
    blobs: { discard: (uid: string) => Promise.resolve(void gone.push(`blobs of ${uid}`)) },
    keyring: { destroy: ({ uid }: KeyOwner) => Promise.resolve(void gone.push(`keys of ${uid}`)) },
  } as unknown as Parameters<typeof orphanSweeper>[0])
  return { gone, state, sweep }
}

it('what has had no resource for two rounds goes, data first, keys after them', async () => {
  const { gone, sweep } = bench(
    [owner('r', 'registry'), owner('a', 'storage-account'), owner('s', 'encryption-scope')],
    {},
  )
  await sweep()
  expect(gone).toEqual([])
  await sweep()
  expect(gone).toEqual(['content of r', 'keys of r', 'blobs of a', 'keys of a', 'keys of s'])
})

it('what has a resource stays, of whatever type, and so does what got one meanwhile', async () => {
  const { gone, state, sweep } = bench(
    [
      owner('r', 'registry'),
      owner('a', 'storage-account'),
      owner('s', 'encryption-scope'),
      owner('n', 'registry'),
    ],
    { [REGISTRY_TYPE]: ['r'], [STORAGE_ACCOUNT_TYPE]: ['a'], [ENCRYPTION_SCOPE_TYPE]: ['s'] },
  )
  await sweep()
  state.living = { ...state.living, [REGISTRY_TYPE]: ['r', 'n'] }
  await sweep()
  expect(gone).toEqual([])
})

it('keys of a purpose that this version does not know stay', async () => {
  const { gone, sweep } = bench([owner('q', 'queue-service')], {})
  await sweep()
  await sweep()
  expect(gone).toEqual([])
})
