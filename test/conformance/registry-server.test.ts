import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { makeEstate } from '../support/estate.ts'
import { type Rest, openRest } from '../support/rest.ts'
import { type TestServer, startStrongroom } from '../support/strongroom.ts'
import { registryConformance } from './registry-conformance.ts'
import { type RegistryTarget, secureTarget } from './registry-target.ts'

/* The whole suite on a started server, on a plain registry and on one under a customer's key: no difference is allowed. */
const PLAIN = 'plainregistry'
const ENCRYPTED = 'registry1'
let server: TestServer
let rest: Rest

beforeAll(async () => {
  server = await startStrongroom()
  rest = await openRest(server)
  const { group } = await makeEstate(rest, { registry: ENCRYPTED })
  const path = `/resourceGroups/${group}/providers/Microsoft.ContainerRegistry/registries/${PLAIN}`
  await rest.armDone('PUT', path, { location: 'eastus', sku: { name: 'Premium' } })
})
afterAll(async () => {
  rest[Symbol.dispose]()
  await server[Symbol.asyncDispose]()
})

for (const [title, name] of [
  ['a plain registry of a started server', PLAIN],
  ['a registry under a customer key of a started server', ENCRYPTED],
] as const) {
  registryConformance(title, async () => target(name))
}

it('logged nothing that nobody foresaw', () => {
  expect(server.output()).not.toContain('nobody foresaw')
})

function target(name: string): RegistryTarget {
  const { port, caFile, owner } = server
  const password = Buffer.from(`${owner.clientId}:${owner.clientSecret}`).toString('base64')
  return secureTarget({
    host: `${name}.azurecr.localhost`,
    port,
    ca: readFileSync(caFile, 'utf8'),
    authorization: `Basic ${password}`,
  })
}
