import { randomBytes } from 'node:crypto'
import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import type { ContainerClient } from '@azure/storage-blob'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { keyCaller } from '../support/blob-callers.ts'
import { PAGE, blockId, download, outcome } from '../support/blob-operations.ts'
import {
  type AuditEvent,
  type TestIdentity,
  auditOf,
  callerOf,
  makeIdentity,
  makeKey,
  makeVault,
  serviceKeyPermissions,
} from '../support/cmk.ts'
import { filesBelow } from '../support/files-below.ts'
import { BOUND_MS } from '../support/refusal.ts'
import { GROUP, type Site, openSite } from '../support/site.ts'
import { accountEncryption, makeEncryptedAccount, makePlainAccount } from '../support/storage-account.ts'

const KIB = 1024

describe('an account, its key and its data', () => {
  let site: Site
  beforeAll(async () => {
    site = await openSite()
  })
  afterAll(() => site[Symbol.asyncDispose]())

  async function keyFor(name: string): Promise<{ identity: TestIdentity; vault: string; keyId: string }> {
    const identity = await makeIdentity(site, `id-${name}`)
    const vault = `kv-${name}`
    await makeVault(site, vault, { [identity.principalId]: serviceKeyPermissions })
    return { identity, vault, keyId: await makeKey(site, vault, 'key1') }
  }

  async function boxOf(account: string): Promise<ContainerClient> {
    const box = (await keyCaller(site, account)).service.getContainerClient('box')
    await box.createIfNotExists()
    return box
  }

  function enable(account: string, { id }: TestIdentity, vault: string) {
    return site.sdk.storage.storageAccounts.update(GROUP, account, {
      identity: { type: 'UserAssigned', userAssignedIdentities: { [id]: {} } },
      encryption: {
        keySource: 'Microsoft.Keyvault',
        encryptionIdentity: { encryptionUserAssignedIdentity: id },
        keyVaultProperties: { keyVaultUri: site.server.url(`${vault}.vault`), keyName: 'key1' },
      },
    })
  }

  const backToService = (account: string) =>
    site.sdk.storage.storageAccounts.update(GROUP, account, {
      encryption: { keySource: 'Microsoft.Storage' },
    })

  const setEnabled = (vault: string, keyId: string, enabled: boolean) =>
    site.sdk.keys(vault).updateKeyProperties('key1', keyId.split('/').at(-1) ?? '', { enabled })

  const named = async (vault: string, operation: string): Promise<readonly AuditEvent[]> =>
    (await auditOf(site, vault)).filter(({ operationName }) => operationName === operation)

  /** The bytes of every file below `bytes`, by path. */
  async function storedBytes(): Promise<ReadonlyMap<string, string>> {
    const found = new Map<string, string>()
    for await (const { path, bytes } of filesBelow(join(site.server.dataDir, 'bytes')))
      found.set(path, bytes.toString('base64'))
    return found
  }

  async function untilRefused(box: ContainerClient, name: string): Promise<string> {
    const deadline = performance.now() + BOUND_MS
    for (;;) {
      const came = await outcome(box.getBlobClient(name).getProperties())
      if (came !== 'done') return came
      if (performance.now() > deadline) throw new Error('still served after the bound')
    }
  }

  it('B16, B17, B18, B19 what was there before a key is under it at once, unmoved, and never in clear', async () => {
    const { identity, vault, keyId } = await keyFor('before')
    await makePlainAccount(site, 'before')
    const box = await boxOf('before')
    const kinds = await everyKind(box)
    const clear = async () => {
      const places: string[] = []
      for await (const { path, bytes } of filesBelow(site.server.dataDir))
        for (const [name, content] of kinds)
          if (bytes.includes(content.subarray(0, 24))) places.push(`${name} in ${path}`)
      return places
    }
    expect(await clear()).toEqual([])
    const stored = await storedBytes()
    expect(stored.size).toBeGreaterThan(0)

    await enable('before', identity, vault)
    expect(await readAll(box)).toEqual(kinds)
    expect(await storedBytes()).toEqual(stored)
    expect(await named(vault, 'KeyWrap')).toHaveLength(1)
    expect(await clear()).toEqual([])

    await setEnabled(vault, keyId, false)
    await untilRefused(box, 'small')
    for (const name of kinds.keys())
      expect([name, await outcome(box.getBlobClient(name).getProperties())]).toEqual([
        name,
        '403 KeyVaultEncryptionKeyNotFound',
      ])
    await setEnabled(vault, keyId, true)
    expect(await readAll(box)).toEqual(kinds)
  })

  it('B32 a new version, and another key, wrap the root key anew and touch no data', async () => {
    const { name, vault, identity } = await makeEncryptedAccount(site, 'rewrapped')
    const box = await boxOf(name)
    const kinds = await everyKind(box)
    const stored = await storedBytes()
    const next = await makeKey(site, vault, 'key1')
    await expect
      .poll(
        async () => (await accountEncryption(site, name)).keyVaultProperties?.currentVersionedKeyIdentifier,
      )
      .toBe(next)
    const other = await keyFor('rewrappedother')
    await site.sdk.vaults.vaults.updateAccessPolicy(GROUP, other.vault, 'add', {
      properties: {
        accessPolicies: [
          {
            tenantId: site.server.owner.tenantId,
            objectId: identity.principalId,
            permissions: { keys: [...serviceKeyPermissions] },
          },
        ],
      },
    })
    await enable(name, identity, other.vault)
    expect(await storedBytes()).toEqual(stored)
    expect(await readAll(box)).toEqual(kinds)
    // The creation, the new version, and once under the other key.
    expect(await named(vault, 'KeyWrap')).toHaveLength(2)
    expect(await named(other.vault, 'KeyWrap')).toHaveLength(1)
  })

  it('B11 a hundred reads and writes within the lease make an unwrap or two, as the identity', async () => {
    const { name, vault, identity } = await makeEncryptedAccount(site, 'bounded')
    const box = await boxOf(name)
    await box.getBlockBlobClient('small').upload('small', 5)
    const before = (await named(vault, 'KeyUnwrap')).length
    const began = performance.now()
    await Promise.all(
      Array.from({ length: 100 }, async (_, at) => {
        if (at % 2 === 0) await download(box.getBlobClient('small'))
        else await box.getBlockBlobClient(`small-${at}`).upload('small', 5)
      }),
    )
    const leases = Math.ceil((performance.now() - began) / (BOUND_MS / 2))
    const unwraps = (await named(vault, 'KeyUnwrap')).slice(before)
    expect(unwraps.length).toBeLessThanOrEqual(1 + leases)
    const all = await named(vault, 'KeyUnwrap')
    expect(all.length).toBeGreaterThan(0)
    expect(new Set(all.map(callerOf))).toEqual(new Set([identity.principalId]))
  })

  it('B33, B34 under load ten rotations fail no request', async () => {
    const { name, vault } = await makeEncryptedAccount(site, 'rotating')
    const box = await boxOf(name)
    await box.getBlockBlobClient('small').upload('small', 5)
    let isOver = false
    const counts = { done: 0 }
    const failures: string[] = []
    const load = async (lane: number) => {
      while (!isOver) {
        const blob = box.getBlockBlobClient(`lane-${lane}`)
        const came = await outcome(blob.upload('small', 5).then(() => download(box.getBlobClient('small'))))
        if (came === 'done') counts.done += 1
        else failures.push(came)
      }
    }
    const lanes = Array.from({ length: 4 }, (_, lane) => load(lane))
    for (let round = 0; round < 10; round++) {
      const next = await makeKey(site, vault, 'key1')
      await expect
        .poll(
          async () => (await accountEncryption(site, name)).keyVaultProperties?.currentVersionedKeyIdentifier,
        )
        .toBe(next)
    }
    isOver = true
    await Promise.all(lanes)
    expect(failures).toEqual([])
    expect(counts.done).toBeGreaterThan(10)
  })

  it('B60 back under the service’s keys all works with the key deleted, and the vault is not asked', async () => {
    const { name, vault } = await makeEncryptedAccount(site, 'released')
    const box = await boxOf(name)
    const kinds = await everyKind(box)
    await backToService(name)
    await (await site.sdk.keys(vault).beginDeleteKey('key1')).pollUntilDone()
    const asked = (await auditOf(site, vault)).length
    expect(await readAll(box)).toEqual(kinds)
    await box.getBlockBlobClient('after').upload('after', 5)
    expect(await auditOf(site, vault)).toHaveLength(asked)
  })
})

describe('a copy of the data folder', () => {
  it('B02 opens through the vault alone', async () => {
    await using site = await openSite()
    const { name } = await makeEncryptedAccount(site, 'copied')
    const box = (await keyCaller(site, name)).service.getContainerClient('box')
    await box.create()
    const bytes = randomBytes(100 * KIB)
    await box.getBlockBlobClient('file').upload(bytes, bytes.length)
    await site.server.stop()

    const read = async (folder: string, change: (dir: string) => void) => {
      const dir = join(site.folder, folder)
      await cp(site.server.dataDir, dir, { recursive: true })
      change(dir)
      // Where it came from: the port is part of a key's id.
      await using copy = await openSite({ dataDir: dir, port: site.server.port })
      const file = (await keyCaller(copy, name)).service.getContainerClient('box').getBlobClient('file')
      const came = await outcome(file.getProperties())
      const content = came === 'done' ? await file.downloadToBuffer() : null
      await rm(dir, { recursive: true })
      return { came, isWhole: content?.equals(bytes) ?? false }
    }
    expect(await read('whole', () => undefined)).toEqual({ came: 'done', isWhole: true })
    const withoutKey = await read('without', (dir) => {
      const database = new DatabaseSync(join(dir, 'keys.db'))
      for (const table of ['vault_key_version', 'vault_key']) database.exec(`delete from ${table}`)
      database.close()
    })
    expect(withoutKey).toEqual({ came: '403 KeyVaultEncryptionKeyNotFound', isWhole: false })
  })
})

/** One of each kind: within a row, in a file, of blocks, appended, of pages. @returns what is in them, by name */
async function everyKind(box: ContainerClient): Promise<ReadonlyMap<string, Buffer>> {
  const [small, file, block] = [randomBytes(KIB), randomBytes(300 * KIB), randomBytes(100 * KIB)]
  const page = randomBytes(PAGE.length)
  await box.getBlockBlobClient('small').upload(small, small.length)
  await box.getBlockBlobClient('file').upload(file, file.length)
  const blocks = box.getBlockBlobClient('blocks')
  await blocks.stageBlock(blockId(1), block, block.length)
  await blocks.commitBlockList([blockId(1)])
  const append = box.getAppendBlobClient('append')
  await append.create()
  await append.appendBlock(block, block.length)
  const pages = box.getPageBlobClient('page')
  await pages.create(page.length)
  await pages.uploadPages(page, 0, page.length)
  return new Map([
    ['append', block],
    ['blocks', block],
    ['file', file],
    ['page', page],
    ['small', small],
  ])
}

async function readAll(box: ContainerClient): Promise<ReadonlyMap<string, Buffer>> {
  const found = new Map<string, Buffer>()
  for await (const { name } of box.listBlobsFlat()) found.set(name, await download(box.getBlobClient(name)))
  return found
}
