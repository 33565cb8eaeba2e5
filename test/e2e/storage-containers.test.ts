import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Az } from '../support/az.ts'
import { azureSdk } from '../support/azure-sdk.ts'
import { setPolicy } from '../support/cmk.ts'
import { makeServicePrincipal } from '../support/principals.ts'
import { GROUP, type Site, openSite } from '../support/site.ts'
import {
  accountPath,
  getAccount,
  makeEncryptedAccount,
  makePlainAccount,
} from '../support/storage-account.ts'
import { words } from '../support/words.ts'

describe('containers in the resource manager', () => {
  let site: Site
  let az: Az

  beforeAll(async () => {
    site = await openSite()
    az = await site.az()
  })
  afterAll(() => site[Symbol.asyncDispose]())

  it('az storage container-rm create, show, exists, list, update and delete', async () => {
    await makePlainAccount(site, 'withrm', { allowBlobPublicAccess: true })
    const at = words`--storage-account withrm -g ${GROUP}`
    expect(
      await az(
        ...words`storage container-rm create -n first`,
        ...at,
        ...words`--metadata a=b --public-access blob`,
      ),
    ).toMatchObject({
      name: 'first',
      type: 'Microsoft.Storage/storageAccounts/blobServices/containers',
      publicAccess: 'Blob',
      metadata: { a: 'b' },
      defaultEncryptionScope: '$account-encryption-key',
      denyEncryptionScopeOverride: false,
      leaseState: 'Available',
      leaseStatus: 'Unlocked',
      hasLegalHold: false,
      hasImmutabilityPolicy: false,
    })
    await az(...words`storage container-rm create -n second`, ...at)
    expect(await az(...words`storage container-rm exists -n second`, ...at)).toEqual({ exists: true })
    expect(await az(...words`storage container-rm exists -n third`, ...at)).toEqual({ exists: false })
    const listed = await az<readonly { readonly name: string }[]>(...words`storage container-rm list`, ...at)
    expect(listed.map(({ name }) => name)).toEqual(['first', 'second'])
    expect(
      await az(...words`storage container-rm update -n first`, ...at, ...words`--metadata c=d`),
    ).toMatchObject({
      metadata: { c: 'd' },
      publicAccess: 'Blob',
    })
    // az leaves `--public-access off` out of what it sends.
    const shut = await site.sdk.storage.blobContainers.update(GROUP, 'withrm', 'first', {
      publicAccess: 'None',
    })
    expect(shut).toMatchObject({ metadata: { c: 'd' }, publicAccess: 'None' })
    await az(...words`storage container-rm delete -n first --yes`, ...at)
    expect(await az.fails(...words`storage container-rm show -n first`, ...at)).toMatch(/ResourceNotFound/)
  })

  it('what is made here is there in the data plane, and the other way round', async () => {
    await makePlainAccount(site, 'bothplanes')
    await site.sdk.storage.blobContainers.create(GROUP, 'bothplanes', 'fromarm', {})
    await az(...words`storage container create -n fromdata --account-name bothplanes`)
    const seen = await az(...words`storage container exists -n fromarm --account-name bothplanes`)
    expect(seen).toEqual({ exists: true })
    const names: (string | undefined)[] = []
    for await (const { name } of site.sdk.storage.blobContainers.list(GROUP, 'bothplanes')) names.push(name)
    expect(names).toEqual(['fromarm', 'fromdata'])
  })

  it('lists by page and by prefix, deleted ones too where they are kept', async () => {
    await makePlainAccount(site, 'paged')
    await site.sdk.storage.blobServices.setServiceProperties(GROUP, 'paged', {
      containerDeleteRetentionPolicy: { enabled: true, days: 5 },
    })
    for (const name of ['aa1', 'aa2', 'bb1', 'bb2', 'bb3'])
      await site.sdk.storage.blobContainers.create(GROUP, 'paged', name, {})
    const list = async (options: { maxpagesize?: string; filter?: string; include?: 'deleted' }) => {
      const pages: (string | undefined)[][] = []
      for await (const page of site.sdk.storage.blobContainers.list(GROUP, 'paged', options).byPage())
        pages.push(page.map(({ name }) => name))
      return pages
    }
    expect(await list({ maxpagesize: '2' })).toEqual([['aa1', 'aa2'], ['bb1', 'bb2'], ['bb3']])
    expect(await list({ filter: "startswith(name, 'bb')" })).toEqual([['bb1', 'bb2', 'bb3']])
    await site.sdk.storage.blobContainers.delete(GROUP, 'paged', 'bb2')
    expect(await list({})).toEqual([['aa1', 'aa2', 'bb1', 'bb3']])
    expect(await list({ include: 'deleted' })).toEqual([['aa1', 'aa2', 'bb1', 'bb2', 'bb3']])
    const deleted = (await site.arm.ok('GET', `${containersPath('paged')}?$include=deleted`, '2025-08-01'))[
      'value'
    ] as readonly { readonly name: string; readonly properties: Readonly<Record<string, unknown>> }[]
    expect(deleted.find(({ name }) => name === 'bb2')?.properties).toMatchObject({
      deleted: true,
      remainingRetentionDays: 5,
      version: expect.any(String) as string,
    })
  })

  it('a container’s default scope is chosen when it is made', async () => {
    await makePlainAccount(site, 'scoped')
    await site.sdk.storage.encryptionScopes.put(GROUP, 'scoped', 'scope1', { source: 'Microsoft.Storage' })
    const { blobContainers } = site.sdk.storage
    const made = await blobContainers.create(GROUP, 'scoped', 'inscope', {
      defaultEncryptionScope: 'scope1',
      denyEncryptionScopeOverride: true,
    })
    expect(made).toMatchObject({ defaultEncryptionScope: 'scope1', denyEncryptionScopeOverride: true })
    await blobContainers.create(GROUP, 'scoped', 'inscope', { defaultEncryptionScope: 'scope1' })
    await expect(
      blobContainers.update(GROUP, 'scoped', 'inscope', { denyEncryptionScopeOverride: false }),
    ).rejects.toMatchObject({ code: 'AccountPropertyCannotBeUpdated' })
    await expect(
      blobContainers.create(GROUP, 'scoped', 'noscope', { defaultEncryptionScope: 'nowhere' }),
    ).rejects.toMatchObject({ statusCode: 404, code: 'EncryptionScopeNotFound' })
  })

  it.each([
    ['Not-A-Name', {}, 400, 'InvalidResourceName'],
    ['double--dash', {}, 400, 'InvalidResourceName'],
    ['public', { publicAccess: 'Container' }, 409, 'PublicAccessNotPermitted'],
    ['public', { publicAccess: 'Everybody' }, 400, 'InvalidRequestPropertyValue'],
    ['meta', { metadata: { 'a-b': 'c' } }, 400, 'InvalidMetadata'],
    ['meta', { metadata: { a: 'line\nfeed' } }, 400, 'InvalidMetadata'],
    ['worm', { immutableStorageWithVersioning: { enabled: true } }, 409, 'FeatureNotSupportedForAccount'],
    ['nfs', { enableNfsV3RootSquash: true }, 400, 'FeatureNotSupported'],
  ])('the container %s with %j is refused with %i %s', async (name, properties, status, code) => {
    await makePlainAccount(site, 'refuses')
    const reply = await site.arm('PUT', `${containersPath('refuses')}/${name}`, '2025-08-01', { properties })
    expect(reply).toMatchObject({ status, body: { error: { code } } })
  })

  it('metadata of more than 8 KiB is refused', async () => {
    await makePlainAccount(site, 'refuses')
    const properties = { metadata: { a: 'x'.repeat(8192) } }
    const reply = await site.arm('PUT', `${containersPath('refuses')}/big`, '2025-08-01', { properties })
    expect(reply).toMatchObject({ status: 400, body: { error: { code: 'InvalidMetadata' } } })
  })

  it('a legal hold keeps a container, and is set and cleared by tags', async () => {
    await makePlainAccount(site, 'holding')
    await site.sdk.storage.blobContainers.create(GROUP, 'holding', 'held', {})
    const hold = (verb: string, ...tags: readonly string[]) =>
      az<{ readonly hasLegalHold: boolean; readonly tags: readonly string[] }>(
        ...words`storage container legal-hold ${verb} -c held --account-name holding --tags`,
        ...tags,
      )
    expect(await hold('set', 'case1', 'CASE2')).toMatchObject({
      hasLegalHold: true,
      tags: ['case1', 'case2'],
    })
    await expect(site.sdk.storage.blobContainers.delete(GROUP, 'holding', 'held')).rejects.toMatchObject({
      statusCode: 409,
    })
    expect(await hold('clear', 'case1')).toMatchObject({ tags: ['case2'] })
    expect(await hold('clear', 'case2')).toMatchObject({ hasLegalHold: false, tags: [] })
    await site.sdk.storage.blobContainers.delete(GROUP, 'holding', 'held')
  })

  it('az storage container immutability-policy: made, changed, locked, extended, and never shortened', async () => {
    await makePlainAccount(site, 'keeping')
    await site.sdk.storage.blobContainers.create(GROUP, 'keeping', 'worm', {})
    interface Policy {
      readonly etag: string
      readonly state: string
      readonly immutabilityPeriodSinceCreationInDays: number
    }
    const at = words`-c worm --account-name keeping -g ${GROUP}`
    const policy = (verb: string, ...more: readonly string[]) =>
      az<Policy>(...words`storage container immutability-policy ${verb}`, ...at, ...more)
    const failing = (verb: string, ...more: readonly string[]) =>
      az.fails(...words`storage container immutability-policy ${verb}`, ...at, ...more)
    const made = await policy('create', ...words`--period 3`)
    expect(made).toMatchObject({ immutabilityPeriodSinceCreationInDays: 3, state: 'Unlocked' })
    const shorter = await policy('create', ...words`--period 2 --if-match ${made.etag}`)
    expect(shorter.immutabilityPeriodSinceCreationInDays).toBe(2)
    expect(await failing('create', ...words`--period 4 --if-match ${made.etag}`)).toMatch(/ConditionNotMet/)
    expect(await failing('extend', ...words`--period 4 --if-match ${shorter.etag}`)).toMatch(
      /Only a locked policy/,
    )
    const locked = await policy('lock', ...words`--if-match ${shorter.etag}`)
    expect(locked.state).toBe('Locked')
    expect(await failing('create', ...words`--period 1 --if-match ${locked.etag}`)).toMatch(
      /only be extended/,
    )
    expect(await failing('delete', ...words`--if-match ${locked.etag}`)).toMatch(/cannot be deleted/)
    expect(await failing('extend', ...words`--period 2 --if-match ${locked.etag}`)).toMatch(/must be longer/)
    const longer = await policy('extend', ...words`--period 5 --if-match ${locked.etag}`)
    expect(longer).toMatchObject({ immutabilityPeriodSinceCreationInDays: 5, state: 'Locked' })
    expect(await az(...words`storage container immutability-policy show`, ...at)).toMatchObject({
      state: 'Locked',
    })
    expect(await site.sdk.storage.blobContainers.get(GROUP, 'keeping', 'worm')).toMatchObject({
      hasImmutabilityPolicy: true,
      immutabilityPolicy: { immutabilityPeriodSinceCreationInDays: 5, state: 'Locked' },
    })
  })

  it('an unlocked policy is taken away by who names it', async () => {
    await makePlainAccount(site, 'letting')
    const { blobContainers } = site.sdk.storage
    await blobContainers.create(GROUP, 'letting', 'worm', {})
    const none = blobContainers.getImmutabilityPolicy(GROUP, 'letting', 'worm')
    await expect(none).rejects.toMatchObject({ statusCode: 404 })
    const parameters = { immutabilityPeriodSinceCreationInDays: 1, allowProtectedAppendWrites: true }
    const made = await blobContainers.createOrUpdateImmutabilityPolicy(GROUP, 'letting', 'worm', {
      parameters,
    })
    expect(made).toMatchObject({ allowProtectedAppendWrites: true, state: 'Unlocked' })
    await expect(
      blobContainers.deleteImmutabilityPolicy(GROUP, 'letting', 'worm', '"0x1"'),
    ).rejects.toMatchObject({ statusCode: 412 })
    await blobContainers.deleteImmutabilityPolicy(GROUP, 'letting', 'worm', made.etag ?? '')
    await expect(blobContainers.getImmutabilityPolicy(GROUP, 'letting', 'worm')).rejects.toMatchObject({
      statusCode: 404,
    })
    for (const days of [0, -1, 1.5, 146_001, 'many', null])
      expect(
        await site.arm(
          'PUT',
          `${containersPath('letting')}/worm/immutabilityPolicies/default`,
          '2025-08-01',
          {
            properties: { immutabilityPeriodSinceCreationInDays: days },
          },
        ),
      ).toMatchObject({ status: 400, body: { error: { code: 'InvalidRequestPropertyValue' } } })
  })

  it('containers are managed while the customer’s key is revoked', async () => {
    const { name, vault, identity } = await makeEncryptedAccount(site, 'revokedrm')
    await setPolicy(site, vault, identity.principalId, [])
    await site.sdk.storage.blobContainers.create(GROUP, name, 'stillmade', { metadata: { a: 'b' } })
    expect(await site.sdk.storage.blobContainers.get(GROUP, name, 'stillmade')).toMatchObject({
      metadata: { a: 'b' },
    })
  })

  it('a data role manages containers, and nothing else of the account', async () => {
    await makePlainAccount(site, 'datarole')
    const { id = '' } = await getAccount(site, 'datarole')
    const { login, principalId } = await makeServicePrincipal(site, 'blob contributor')
    await az(
      ...words`role assignment create --assignee-object-id ${principalId} --scope ${id}`,
      ...words`--role ${'Storage Blob Data Contributor'} --assignee-principal-type ServicePrincipal`,
    )
    const { storage } = azureSdk(site.server, login)
    await storage.blobContainers.create(GROUP, 'datarole', 'mine', {})
    const names: (string | undefined)[] = []
    for await (const { name } of storage.blobContainers.list(GROUP, 'datarole')) names.push(name)
    expect(names).toEqual(['mine'])
    const denied = { statusCode: 403 }
    await expect(storage.blobServices.getServiceProperties(GROUP, 'datarole')).rejects.toMatchObject(denied)
    await expect(storage.storageAccounts.listKeys(GROUP, 'datarole')).rejects.toMatchObject(denied)
    await expect(
      storage.blobContainers.setLegalHold(GROUP, 'datarole', 'mine', { tags: ['abc'] }),
    ).rejects.toMatchObject(denied)
  })

  it('what is below an account that is not there, or a service of another name, is not found', async () => {
    await makePlainAccount(site, 'lonely')
    for (const path of [
      `${accountPath('nobody')}/blobServices/default/containers/a1b`,
      `${accountPath('nobody')}/blobServices/default/containers`,
      `${accountPath('lonely')}/blobServices/other/containers/a1b`,
      `${accountPath('lonely')}/blobServices/other/containers`,
      `${accountPath('lonely')}/blobServices/other`,
      `${containersPath('lonely')}/missing`,
    ])
      expect((await site.arm('GET', path, '2025-08-01')).status).toBe(404)
    const put = (path: string) => site.arm('PUT', path, '2025-08-01', { properties: {} })
    expect((await put(`${accountPath('nobody')}/blobServices/default/containers/a1b`)).status).toBe(404)
    expect((await put(`${accountPath('lonely')}/blobServices/other/containers/a1b`)).status).toBe(404)
    expect((await put(`${accountPath('lonely')}/blobServices/other`)).status).toBe(400)
    expect((await site.arm('DELETE', `${containersPath('lonely')}/missing`, '2025-08-01')).status).toBe(204)
    expect(
      (await site.arm('DELETE', `${accountPath('lonely')}/blobServices/default`, '2025-08-01')).status,
    ).toBe(405)
  })

  function containersPath(account: string): string {
    return `${accountPath(account)}/blobServices/default/containers`
  }
})
