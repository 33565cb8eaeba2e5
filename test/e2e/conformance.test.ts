import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { registryConformance } from '../conformance/registry-conformance.ts'
import { secureTarget } from '../conformance/registry-target.ts'
import { ownerLogin } from '../support/azure-sdk.ts'
import { encryptionOf, makeEncryptedRegistry } from '../support/cmk.ts'
import { type Site, openSite } from '../support/site.ts'

const NAME = 'encryptedacr'
let site: Site
beforeAll(async () => {
  site = await openSite()
  await makeEncryptedRegistry(site, NAME)
})
afterAll(() => site[Symbol.asyncDispose]())

// The very list that a plain registry passes in test/conformance.
registryConformance('a registry under a customer-managed key', async () => {
  const { clientId, secret } = ownerLogin(site.server)
  return secureTarget({
    host: `${NAME}.azurecr.localhost`,
    port: site.server.port,
    ca: await readFile(site.server.caFile, 'utf8'),
    authorization: `Basic ${Buffer.from(`${clientId}:${secret}`).toString('base64')}`,
  })
})

it('was encrypted, and logged nothing that nobody foresaw', async () => {
  expect((await encryptionOf(site, NAME)).status).toBe('enabled')
  expect(site.server.output()).not.toContain('nobody foresaw')
})
