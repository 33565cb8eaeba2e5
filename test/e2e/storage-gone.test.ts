import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { GROUP, type Site, openSite } from '../support/site.ts'
import { makeEncryptedAccount, makePlainAccount } from '../support/storage-account.ts'

describe('a storage account that is gone', () => {
  let site: Site
  beforeAll(async () => {
    site = await openSite()
  })
  afterAll(() => site[Symbol.asyncDispose]())

  it('leaves no key behind, nor do its encryption scopes', async () => {
    const { name } = await makeEncryptedAccount(site, 'gone1')
    await makePlainAccount(site, 'gone2')
    for (const account of [name, 'gone2'])
      await site.sdk.storage.encryptionScopes.put(GROUP, account, 'scope1', {})
    expect(count('data.db', 'wrapping')).toBe(4)
    expect(count('keys.db', 'key_secrets')).toBe(4)
    await site.sdk.storage.storageAccounts.delete(GROUP, name)
    await expect.poll(() => count('data.db', 'wrapping')).toBe(2)
    await expect.poll(() => count('keys.db', 'key_secrets')).toBe(2)
    await site.arm('DELETE', `/resourcegroups/${GROUP}`, '2021-04-01')
    await expect.poll(() => count('data.db', 'wrapping'), { timeout: 10_000 }).toBe(0)
    await expect.poll(() => count('keys.db', 'key_secrets'), { timeout: 10_000 }).toBe(0)
  })

  function count(database: string, table: string): number {
    using opened = new DatabaseSync(join(site.server.dataDir, database), { readOnly: true })
    return opened.prepare(`select count(*) as n from ${table}`).get()?.['n'] as number
  }
})
