import type { ContainerClient } from '@azure/storage-blob'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type BlobCaller, everyCaller, keyCaller } from '../support/blob-callers.ts'
import {
  type BlobOperation,
  KEPT,
  type Scene,
  type Sources,
  outcome,
  readKept,
  stockContainer,
  stockFor,
  stockSources,
} from '../support/blob-operations.ts'
import { proceedingOperations } from '../support/blob-proceeding.ts'
import { listOfAzure, listOfOurs, refusedOperations } from '../support/blob-refused.ts'
import { type KeyPermissions, makeIdentity, serviceKeyPermissions, setPolicy } from '../support/cmk.ts'
import { BOUND_MS } from '../support/refusal.ts'
import { GROUP, LOCATION, type Site, openSite } from '../support/site.ts'
import {
  type EncryptedAccount,
  accountPath,
  makeEncryptedAccount,
  makePlainAccount,
} from '../support/storage-account.ts'

const BOX = 'box'

type Trigger = readonly [
  state: string,
  code: string,
  revoke: () => Promise<unknown>,
  restore: () => Promise<unknown>,
]

describe('an account whose key is taken away', () => {
  let site: Site
  let account: EncryptedAccount
  let owner: BlobCaller
  let callers: readonly BlobCaller[]
  let stocked: Awaited<ReturnType<typeof readKept>>
  let sources: Sources
  let run = 0

  beforeAll(async () => {
    site = await openSite()
    account = await makeEncryptedAccount(site, 'revoked', { allowBlobPublicAccess: true })
    owner = await keyCaller(site, account.name)
    const box = boxOf(owner)
    await box.create({ access: 'container' })
    await stockContainer(box)
    stocked = await readKept(box)
    const aDay = { enabled: true, days: 1 }
    await site.sdk.storage.blobServices.setServiceProperties(GROUP, account.name, {
      deleteRetentionPolicy: aDay,
      containerDeleteRetentionPolicy: aDay,
    })
    callers = await everyCaller(site, account.name, BOX)
    await Promise.all(callers.map((caller) => stockFor(box, sceneOf(caller).own)))
    await makePlainAccount(site, 'sources', { allowBlobPublicAccess: true })
    const elsewhere = (await keyCaller(site, 'sources')).service.getContainerClient('open')
    await elsewhere.create({ access: 'blob' })
    sources = await stockSources(elsewhere)
  })
  afterAll(() => site[Symbol.asyncDispose]())

  const vaults = () => site.sdk.vaults.vaults
  const keys = () => site.sdk.keys(account.vault)
  const setEnabled = (enabled: boolean) =>
    keys().updateKeyProperties('key1', account.keyId.split('/').at(-1) ?? '', { enabled })
  const setPermissions = (...permissions: KeyPermissions) =>
    setPolicy(site, account.vault, account.identity.principalId, permissions)
  const setWall = (defaultAction: 'Allow' | 'Deny') =>
    vaults().update(GROUP, account.vault, {
      properties: { networkAcls: { bypass: 'None', defaultAction } },
    })
  const recoverVault = () => {
    const { tenantId } = site.server.owner
    const properties = { tenantId, sku: { family: 'A', name: 'standard' }, createMode: 'recover' } as const
    return vaults().createOrUpdate(GROUP, account.vault, { location: LOCATION, properties })
  }
  const notFound = 'KeyVaultEncryptionKeyNotFound'
  const triggers: readonly Trigger[] = [
    ['disabled', notFound, () => setEnabled(false), () => setEnabled(true)],
    [
      'deleted',
      notFound,
      async () => (await keys().beginDeleteKey('key1')).pollUntilDone(),
      async () => (await keys().beginRecoverDeletedKey('key1')).pollUntilDone(),
    ],
    [
      'not permitted to be used any more',
      notFound,
      () => setPermissions('get', 'wrapKey'),
      () => setPermissions(...serviceKeyPermissions),
    ],
    ['behind a firewall', notFound, () => setWall('Deny'), () => setWall('Allow')],
    [
      'in a vault that was deleted',
      'KeyVaultVaultNotFound',
      () => vaults().delete(GROUP, account.vault),
      recoverVault,
    ],
  ]

  it('is tried with each operation of the list', () => {
    const tried = new Set(refusedOperations.map(({ name }) => name))
    expect(tried).toEqual(listOfAzure.union(listOfOurs))
  })

  it('serves everybody while the key is there', async () => {
    expect(await othersThan('done', refusedOperations)).toEqual([])
    expect(await othersThan('done', proceedingOperations)).toEqual([])
  })

  it.each(triggers)(
    'B44, B45, B46, B47, B48, B50 while its key is %s it refuses what is on the list to everybody, with %s, and nothing else; then all is as it was',
    async (_, code, revoke, restore) => {
      await revoke()
      await untilRefused()
      expect(await othersThan(`403 ${code}`, refusedOperations)).toEqual([])
      expect(await othersThan('done', proceedingOperations)).toEqual([])
      await restore()
      expect(await readKept(boxOf(owner))).toEqual(stocked)
      expect(await othersThan('done', refusedOperations, [owner])).toEqual([])
    },
  )

  it('B45, B46, B48, B50 an identity that is deleted opens nothing, for anybody, until another takes its place', async () => {
    await site.sdk.identities.userAssignedIdentities.delete(GROUP, `id-${account.name}`)
    await untilRefused()
    const code = 'KeyVaultAccessTokenCannotBeAcquired'
    expect(await othersThan(`403 ${code}`, refusedOperations)).toEqual([])
    expect(await othersThan('done', proceedingOperations)).toEqual([])
    const heir = await makeIdentity(site, 'id-heir')
    await setPolicy(site, account.vault, heir.principalId, serviceKeyPermissions)
    await site.arm.ok('PATCH', accountPath(account.name), '2025-08-01', {
      identity: {
        type: 'UserAssigned',
        userAssignedIdentities: { [account.identity.id]: null, [heir.id]: {} },
      },
      properties: { encryption: { identity: { userAssignedIdentity: heir.id } } },
    })
    expect(await readKept(boxOf(owner))).toEqual(stocked)
  })

  function boxOf({ service }: BlobCaller): ContainerClient {
    return service.getContainerClient(BOX)
  }

  /** Tries all as everybody who may; what came out otherwise. */
  async function othersThan(
    wanted: string,
    operations: readonly BlobOperation[],
    everybody = callers,
  ): Promise<readonly string[]> {
    run += 1
    const tried = everybody.flatMap((caller) =>
      operations
        .filter(({ by }) => caller.circles.includes(by))
        .map(async (operation) => {
          const came = await outcome(operation.run(sceneOf(caller)))
          const { name, variant = '' } = operation
          return came === wanted ? [] : [`${caller.name}, ${name} ${variant}: ${came}`]
        }),
    )
    return (await Promise.all(tried)).flat()
  }

  function sceneOf(caller: BlobCaller): Scene {
    const own = (name: string) => `${caller.name.replaceAll(' ', '-')}-${name}`
    const another = (name: string) => own(`${name}-${run}`)
    return { caller, container: boxOf(caller), sources, own, another }
  }

  /** The push comes within milliseconds of the vault's answer, not before it. */
  async function untilRefused(): Promise<void> {
    const deadline = performance.now() + BOUND_MS
    const kept = boxOf(owner).getBlobClient(KEPT)
    while ((await outcome(kept.getProperties())) === 'done')
      if (performance.now() > deadline) throw new Error('still served after the bound')
  }
})
