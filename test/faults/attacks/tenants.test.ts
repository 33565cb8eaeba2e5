import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { JsonObject } from '../../../src/kernel/json.ts'
import { type Estate, encryptionWith, makeEstate, registryBody } from '../../support/estate.ts'
import { type Target, allRoutes, filled, openTarget, roleOf } from '../../support/hostile.ts'
import { randomImage } from '../../support/random-image.ts'
import { type Rest, openRest, text } from '../../support/rest.ts'
import { restRegistry } from '../../support/rest-registry.ts'
import { addTenant } from '../../support/second-tenant.ts'

/** The owner of one tenant, with every right there, against another tenant of the same installation. */
describe('tenants', () => {
  let target: Target
  let other: Rest
  let others: Estate
  beforeAll(async () => {
    target = await openTarget()
    const owner = await addTenant(target.server)
    target.rest.reset()
    other = await openRest({ ...target.server, owner })
    others = await makeEstate(other, { vault: 'kvother', registry: 'registryother' })
    await restRegistry(target.rest, 'registry1').push('hello', 'v1', randomImage([1_000]))
  })
  afterAll(async () => {
    expect(target.bugs()).toEqual([])
    other[Symbol.dispose]()
    await target[Symbol.asyncDispose]()
  })

  it('do not find each other’s subscriptions, whatever the operation', async () => {
    const authorization = `Bearer ${await other.token(target.server.url('management'))}`
    const found: string[] = []
    const routes = allRoutes().filter(
      ({ protocol, path }) =>
        protocol === 'resource-manager' && /\{(subscription|scope\+|resource\+)\}/.test(path),
    )
    expect(routes.length).toBeGreaterThan(35)
    for (const route of routes) {
      const { status, text: body } = await target.send({
        role: 'management',
        method: route.method,
        path: filled(target, route),
        headers: { authorization, 'content-type': 'application/json' },
        ...(route.body === 'none'
          ? {}
          : {
              body: JSON.stringify({
                location: 'eastus',
                properties: {
                  roleDefinitionId:
                    '/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7',
                  principalId: '00000000-0000-4000-8000-000000000000',
                },
              }),
            }),
      })
      const isPublic = route.id.endsWith('RoleDefinitions') || route.id === 'GetRoleDefinition'
      if (status !== 404 && !isPublic)
        found.push(`${route.id} ${route.path}: ${status} ${body.slice(0, 100)}`)
    }
    expect(found).toEqual([])
    const listed = (await other.arm('GET', '/subscriptions')).json()['value'] as readonly JsonObject[]
    expect(listed.map(({ subscriptionId }) => subscriptionId)).toEqual([other.server.owner.subscriptionId])
  })

  it('leave no trace in each other’s activity logs', async () => {
    const activity = '/providers/Microsoft.Insights/eventtypes/management/values'
    const events = (await target.rest.arm('GET', `${activity}?$top=1000`)).json()[
      'value'
    ] as readonly JsonObject[]
    expect(events.length).toBeGreaterThan(3)
    // Null: what the keyring did by itself.
    const tenants = new Set(events.map(({ tenantId }) => tenantId ?? target.server.owner.tenantId))
    expect([...tenants]).toEqual([target.server.owner.tenantId])
  })

  it('are refused by each other’s vaults, by name of the issuer', async () => {
    for (const route of allRoutes().filter(({ protocol }) => protocol === 'key-vault')) {
      const answer = await target.send({
        role: roleOf(target, route) ?? '',
        method: route.method,
        path: filled(target, route),
        headers: { authorization: `Bearer ${await other.token(target.server.url('vault'))}` },
      })
      expect([route.id, answer.status]).toEqual([route.id, 401])
    }
  })

  it('are refused by each other’s registries: token and password', async () => {
    const role = 'registry1.azurecr'
    const service = `${role}.localhost:${target.server.port}`
    const token = await other.token('https://containerregistry.azure.net')
    const form = new URLSearchParams({ grant_type: 'access_token', service, access_token: token })
    expect((await other.send({ role, method: 'POST', path: '/oauth2/exchange', body: form })).status).toBe(
      401,
    )
    const { clientId, clientSecret } = other.server.owner
    const authorization = `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`
    expect((await other.send({ role, path: '/v2/hello/tags/list', headers: { authorization } })).status).toBe(
      401,
    )
    const signIn = new URLSearchParams({
      grant_type: 'password',
      service,
      username: clientId,
      password: clientSecret,
    })
    expect((await other.send({ role, method: 'POST', path: '/oauth2/token', body: signIn })).status).toBe(401)
  })

  it('see nothing of each other’s directory, and change nothing there', async () => {
    const authorization = `Bearer ${await other.token(target.server.url('graph'))}`
    const list = async (path: string) =>
      (await other.send({ role: 'graph', path, headers: { authorization } })).json()[
        'value'
      ] as readonly JsonObject[]
    expect((await list('/v1.0/applications')).length).toBe(1)
    const principals = await list('/v1.0/servicePrincipals')
    expect(principals.map(({ id }) => id)).not.toContain(target.estate.identity.principalId)
    const applications = await target.rest.send({
      role: 'graph',
      path: '/v1.0/applications',
      headers: { authorization: `Bearer ${await target.rest.token(target.server.url('graph'))}` },
    })
    const [victim] = applications.json()['value'] as readonly JsonObject[]
    for (const [method, path, body] of [
      ['GET', `/v1.0/applications/${text(victim?.['id'])}`, undefined],
      ['PATCH', `/v1.0/applications/${text(victim?.['id'])}`, { displayName: 'x' }],
      ['DELETE', `/v1.0/applications/${text(victim?.['id'])}`, undefined],
      ['POST', `/v1.0/applications/${text(victim?.['id'])}/addPassword`, {}],
      ['GET', `/v1.0/servicePrincipals/${target.estate.identity.principalId}`, undefined],
      ['DELETE', `/v1.0/servicePrincipals/${target.estate.identity.principalId}`, undefined],
      ['POST', '/v1.0/servicePrincipals', { appId: text(victim?.['appId']) }],
    ] as const) {
      const answer = await other.send({
        role: 'graph',
        method,
        path,
        headers: { authorization },
        ...(body === undefined ? {} : { body }),
      })
      expect([method, path, answer.status === 404 || answer.status === 400]).toEqual([method, path, true])
    }
  })

  it('grant no roles to each other’s principals', async () => {
    const name = '10000000-0000-4000-8000-0000000000ac'
    const answer = await other.arm('PUT', `/providers/Microsoft.Authorization/roleAssignments/${name}`, {
      properties: {
        principalId: target.estate.identity.principalId,
        roleDefinitionId:
          '/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7',
      },
    })
    expect([answer.status, answer.json()]).toMatchObject([400, { error: { code: 'PrincipalNotFound' } }])
  })

  it('neither attach each other’s identities nor use each other’s keys', async () => {
    const registry = '/resourceGroups/rg1/providers/Microsoft.ContainerRegistry/registries'
    const { identity, keyId } = target.estate
    const attached = await other.arm(
      'PUT',
      `${registry}/registrythief`,
      registryBody({ keyId: others.keyId, identity }),
    )
    expect(attached.status).toBe(403)
    const used = await other.arm(
      'PUT',
      `${registry}/registrythief`,
      registryBody({ keyId, identity: others.identity }),
    )
    expect(used.status).toBe(400)
    const changed = await other.arm('PATCH', `${registry}/registryother`, {
      properties: encryptionWith({ keyId, identity: others.identity }),
    })
    expect(changed.status).toBe(400)
    // Even when the vault's own policy names the thief: its tenant is not the vault's.
    const policies = [
      {
        tenantId: other.server.owner.tenantId,
        objectId: others.identity.principalId,
        permissions: { keys: ['all'] },
      },
    ]
    const vault = '/resourceGroups/rg1/providers/Microsoft.KeyVault/vaults/kv1'
    const foreign = await target.rest.arm('PUT', `${vault}/accessPolicies/add`, {
      properties: { accessPolicies: policies },
    })
    expect(foreign.status).toBe(400)
  })

  it('learn of each other’s global names only that they are taken', async () => {
    const vault = '/resourceGroups/rg1/providers/Microsoft.KeyVault/vaults/kv1'
    const { tenantId } = other.server.owner
    const taken = await other.arm('PUT', vault, {
      location: 'eastus',
      properties: { tenantId, sku: { family: 'A', name: 'standard' }, accessPolicies: [] },
    })
    expect(taken.status).toBe(409)
    expect(taken.text).not.toContain(target.server.owner.subscriptionId)
    expect((await target.rest.vault('kv1', 'GET', '/keys/key1')).status).toBe(200)
    const registry = '/resourceGroups/rg1/providers/Microsoft.ContainerRegistry/registries/registry1'
    const also = await other.arm('PUT', registry, registryBody(null))
    expect(also.status).toBe(409)
    expect(also.text).not.toContain(target.server.owner.subscriptionId)
  })

  it('do not recover, purge or list each other’s deleted vaults', async () => {
    const vault = '/resourceGroups/rg1/providers/Microsoft.KeyVault/vaults/kvother'
    await other.armDone('DELETE', vault)
    const { tenantId } = target.server.owner
    const recovering = {
      location: 'eastus',
      properties: { tenantId, sku: { family: 'A', name: 'standard' }, createMode: 'recover' },
    }
    const recovered = await target.rest.arm('PUT', vault, recovering)
    expect(recovered.status).toBe(409)
    expect(recovered.text).not.toContain(other.server.owner.subscriptionId)
    const deleted = '/providers/Microsoft.KeyVault/locations/eastus/deletedVaults/kvother'
    expect((await target.rest.arm('GET', deleted)).status).toBe(404)
    expect((await target.rest.arm('POST', `${deleted}/purge`)).status).toBe(404)
    const listed = await target.rest.armDone('GET', '/providers/Microsoft.KeyVault/deletedVaults')
    expect(listed['value']).toEqual([])
    // Nor does having tried keep its owner from bringing it back.
    const own = {
      ...recovering,
      properties: { ...recovering.properties, tenantId: other.server.owner.tenantId },
    }
    await other.armDone('PUT', vault, own)
  })
})
