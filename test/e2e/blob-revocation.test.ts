import type { ContainerClient } from '@azure/storage-blob'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { azKeys } from '../support/az-keys.ts'
import { type BlobCaller, everyCaller, keyCaller } from '../support/blob-callers.ts'
import {
  type BlobOperation,
  KEPT,
  outcome,
  proceedingOperations,
  readKept,
  refusedOperations,
  stockContainer,
} from '../support/blob-operations.ts'
import { serviceKeyPermissions, setPolicy } from '../support/cmk.ts'
import { BOUND_MS } from '../support/refusal.ts'
import { GROUP, LOCATION, type Site, openSite } from '../support/site.ts'
import { type EncryptedAccount, makeEncryptedAccount } from '../support/storage-account.ts'

const BOX = 'box'

interface Trigger {
  readonly what: string
  readonly code: string
  readonly revoke: () => Promise<unknown>
  readonly restore: () => Promise<unknown>
}

describe('an account whose key is taken away', () => {
  let site: Site
  let account: EncryptedAccount
  let owner: BlobCaller
  let callers: readonly BlobCaller[]
  let stocked: Awaited<ReturnType<typeof readKept>>
  let run = 0

  beforeAll(async () => {
    site = await openSite()
    account = await makeEncryptedAccount(site, 'revoked', { allowBlobPublicAccess: true })
    owner = await keyCaller(site, account.name)
    const box = boxOf(owner)
    await box.create({ access: 'container' })
    await stockContainer(box)
    stocked = await readKept(box)
    callers = await everyCaller(site, account.name, BOX)
  })
  afterAll(() => site[Symbol.asyncDispose]())

  const setWall = (defaultAction: 'Allow' | 'Deny') =>
    site.sdk.vaults.vaults.update(GROUP, account.vault, {
      properties: { networkAcls: { bypass: 'None', defaultAction } },
    })
  const triggers: readonly Trigger[] = [
    {
      what: 'disabled',
      code: 'KeyVaultEncryptionKeyNotFound',
      revoke: async () => azKeys(await site.az(), site.server.port).setEnabled(account.keyId, false),
      restore: async () => azKeys(await site.az(), site.server.port).setEnabled(account.keyId, true),
    },
    {
      what: 'deleted',
      code: 'KeyVaultEncryptionKeyNotFound',
      revoke: async () => (await site.sdk.keys(account.vault).beginDeleteKey('key1')).pollUntilDone(),
      restore: async () =>
        (await site.sdk.keys(account.vault).beginRecoverDeletedKey('key1')).pollUntilDone(),
    },
    {
      what: 'out of reach for lack of a permission',
      code: 'KeyVaultEncryptionKeyNotFound',
      revoke: () => setPolicy(site, account.vault, account.identity.principalId, ['get', 'wrapKey']),
      restore: () => setPolicy(site, account.vault, account.identity.principalId, serviceKeyPermissions),
    },
    {
      what: 'in a vault that was deleted',
      code: 'KeyVaultVaultNotFound',
      revoke: () => site.sdk.vaults.vaults.delete(GROUP, account.vault),
      restore: () =>
        site.sdk.vaults.vaults.createOrUpdate(GROUP, account.vault, {
          location: LOCATION,
          properties: {
            tenantId: site.server.owner.tenantId,
            sku: { family: 'A', name: 'standard' },
            createMode: 'recover',
          },
        }),
    },
    {
      what: 'behind a firewall',
      code: 'KeyVaultEncryptionKeyNotFound',
      revoke: () => setWall('Deny'),
      restore: () => setWall('Allow'),
    },
  ]

  it('serves everybody while the key is there', async () => {
    expect(await othersThan('done', refusedOperations)).toEqual([])
    expect(await othersThan('done', proceedingOperations)).toEqual([])
  })

  it.each(triggers)(
    'B44, B45, B46, B48 refuses what is on the list to everybody, and nothing else, while its key is $what',
    async ({ code, revoke, restore }) => {
      await revoke()
      await untilRefused()
      expect(await othersThan(`403 ${code}`, refusedOperations)).toEqual([])
      expect(await othersThan('done', proceedingOperations)).toEqual([])
      await restore()
      expect(await readKept(boxOf(owner))).toEqual(stocked)
      expect(await othersThan('done', refusedOperations)).toEqual([])
    },
  )

  function boxOf({ service }: BlobCaller): ContainerClient {
    return service.getContainerClient(BOX)
  }

  /** Tries all as everybody who may; what came out otherwise. */
  async function othersThan(
    wanted: string,
    operations: readonly BlobOperation[],
  ): Promise<readonly string[]> {
    run += 1
    const tried = callers.flatMap((caller) =>
      operations
        .filter(({ kind }) => caller.mayWrite || kind === 'read')
        .map(async (operation) => {
          const prefix = `${run}-${caller.name}-`
          const came = await outcome(operation.run({ container: boxOf(caller), prefix }))
          return came === wanted ? [] : [`${caller.name}, ${operation.name}: ${came}`]
        }),
    )
    return (await Promise.all(tried)).flat()
  }

  /** The push comes within milliseconds of the vault's answer, not before it. */
  async function untilRefused(): Promise<void> {
    const deadline = performance.now() + BOUND_MS
    const kept = boxOf(owner).getBlobClient(KEPT)
    while ((await outcome(kept.getProperties())) === 'done')
      if (performance.now() > deadline) throw new Error('still served after the bound')
  }
})
