import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { GROUP, LOCATION, type Site, openSite } from '../support/site.ts'
import { registryConformance } from './registry-conformance.ts'
import { secureTarget } from './registry-target.ts'

const NAME = 'conformance1'
let site: Site
beforeAll(async () => {
  site = await openSite()
  const path = `/resourcegroups/${GROUP}/providers/Microsoft.ContainerRegistry/registries/${NAME}`
  await site.arm.ok('PUT', path, '2023-07-01', { location: LOCATION, sku: { name: 'Premium' } })
})
afterAll(async () => {
  await site[Symbol.asyncDispose]()
})

registryConformance('a registry of a started server', async () => {
  const { port, caFile, owner } = site.server
  const password = Buffer.from(`${owner.clientId}:${owner.clientSecret}`).toString('base64')
  return secureTarget({
    host: `${NAME}.azurecr.localhost`,
    port,
    ca: readFileSync(caFile, 'utf8'),
    authorization: `Basic ${password}`,
  })
})

it('logged nothing that nobody foresaw', () => {
  expect(site.server.output()).not.toContain('nobody foresaw')
})
