import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type Route,
  type Stranger,
  type Target,
  allRoutes,
  filled,
  graph,
  makeStranger,
  openTarget,
  roleOf,
} from '../../support/hostile.ts'
import type { JsonObject } from '../../../src/kernel/json.ts'
import { randomImage } from '../../support/random-image.ts'
import { text } from '../../support/rest.ts'
import { restRegistry } from '../../support/rest-registry.ts'

/** What every principal of a tenant may read: itself, what is published, and lists of what it may see, which are empty. */
const harmless = [
  'GetTenantProvider 200',
  'ListResourceGroups 200',
  'ListResources 200',
  'ListRoleDefinitions 200',
  'ListSubscriptions 200',
  'ListTenantProviders 200',
  'ListTenants 200',
]

let target: Target
let stranger: Stranger
beforeAll(async () => {
  target = await openTarget()
  stranger = await makeStranger(target, 'stranger')
})
afterAll(() => target[Symbol.asyncDispose]())

const routes = allRoutes().filter(({ needs, host }) => needs !== null && host !== null)
const of = (protocol: string) => routes.filter((route) => route.protocol === protocol)

const someRole = {
  properties: {
    roleDefinitionId:
      '/providers/Microsoft.Authorization/roleDefinitions/acdd72a7-3385-48ef-bd42-f606fba81ae7',
    principalId: '00000000-0000-4000-8000-000000000000',
  },
}

async function answers(list: readonly Route[], authorization: string) {
  const found: { readonly id: string; readonly status: number; readonly text: string }[] = []
  for (const route of list) {
    const answer = await target.send({
      role: roleOf(target, route),
      method: route.method,
      path: filled(target, route, route.id === 'ActOnScope' ? { rest: 'checkNameAvailability' } : {}),
      headers: { authorization, 'content-type': 'application/json' },
      ...(route.body === 'none' ? {} : { body: JSON.stringify(someRole) }),
    })
    found.push({ id: route.id, ...answer })
  }
  return found
}

async function bearer(role: string): Promise<string> {
  return `Bearer ${await stranger.rest.token(target.server.url(role))}`
}

describe('a principal of the tenant without any role', () => {
  it('is refused by every operation of the resource manager but what is no secret', async () => {
    const found = await answers(of('resource-manager'), await bearer('management'))
    // 404 only for what does not depend on the estate: nobody's operation, a role that is none, a path that is none.
    const blind = new Set([
      'GetOperationResult',
      'GetRoleDefinition',
      'ActOnResource',
      'GetOnScope',
      'DeleteOnScope',
    ])
    const letIn = found.filter(({ id, status }) => status !== 403 && !(status === 404 && blind.has(id)))
    expect([...new Set(letIn.map(({ id, status }) => `${id} ${status}`))].sort()).toEqual(harmless)
    for (const { id, text } of found.filter(
      ({ id }) => id === 'ListResourceGroups' || id === 'ListResources',
    )) {
      expect([id, JSON.parse(text)]).toEqual([id, { value: [] }])
    }
    expect(found.length).toBeGreaterThan(50)
  })

  it('is refused by every operation of the vault', async () => {
    const found = await answers(of('key-vault'), await bearer('vault'))
    expect(found.filter(({ status }) => status !== 403)).toEqual([])
    expect(found.length).toBeGreaterThan(20)
  })

  it('is refused by every operation of the registry, and learns nothing of what it holds', async () => {
    const { clientId, secret } = stranger.login
    const basic = `Basic ${Buffer.from(`${clientId}:${secret}`).toString('base64')}`
    const found = await answers(of('registry'), basic)
    expect(found.filter(({ status }) => status !== 403).map(({ id }) => id)).toEqual(['Base'])
    expect(found.length).toBeGreaterThan(25)
  })

  it('is refused by every operation of blob storage', async () => {
    const token = await stranger.rest.token('https://storage.azure.com')
    const found = await answers(of('blob'), `Bearer ${token}`)
    expect(found.filter(({ status }) => status !== 403)).toEqual([])
    expect(found.length).toBeGreaterThan(60)
  })

  it('changes nothing in the directory', async () => {
    const found = await answers(
      of('graph').filter(({ needs }) => needs === 'write'),
      await bearer('graph'),
    )
    expect(found.filter(({ status }) => status !== 403)).toEqual([])
    expect(found.length).toBeGreaterThan(8)
  })

  it('did not change anything by being refused', async () => {
    const groups = await target.rest.armDone('GET', '/resourceGroups')
    expect((groups['value'] as readonly JsonObject[]).map(({ name }) => name)).toEqual([target.estate.group])
    const keys = await target.rest.vaultDone(target.estate.vault, 'GET', '/keys')
    expect(keys['value']).toHaveLength(1)
    const applications = await graph(target.rest, 'GET', '/v1.0/applications')
    expect(applications['value']).toHaveLength(2)
    expect(target.bugs()).toEqual([])
  })
})

const roles = {
  Contributor: 'b24988ac-6180-42a0-ab88-20f7382dd24c',
  Owner: '8e3af657-a8ff-443c-a75c-2fe8c4bcb635',
  Reader: 'acdd72a7-3385-48ef-bd42-f606fba81ae7',
  'Key Vault Data Access Administrator': '8b54135c-b56d-4d72-a534-26097cfdc8d8',
  AcrPull: '7f951dda-4ed3-4680-a7ca-43fe172d538d',
} as const

let assignments = 0
async function assign(
  by: Pick<Target, 'rest'>,
  role: keyof typeof roles,
  principalId: string,
  scope: string,
) {
  assignments += 1
  const name = `10000000-0000-4000-8000-${String(assignments).padStart(12, '0')}`
  return await by.rest.arm('PUT', `${scope}/providers/Microsoft.Authorization/roleAssignments/${name}`, {
    properties: {
      principalId,
      roleDefinitionId: `${target.rest.subscription}/providers/Microsoft.Authorization/roleDefinitions/${roles[role]}`,
    },
  })
}

describe('a role gives what it gives and no more', () => {
  const registryPath = '/resourceGroups/rg1/providers/Microsoft.ContainerRegistry/registries/registry1'
  const vaultPath = '/resourceGroups/rg1/providers/Microsoft.KeyVault/vaults/kv1'

  it('a Contributor grants no role, not even to itself, and takes none away', async () => {
    const contributor = await makeStranger(target, 'contributor')
    expect((await assign(target, 'Contributor', contributor.principalId, '/resourceGroups/rg1')).status).toBe(
      201,
    )
    for (const scope of [
      '/resourceGroups/rg1',
      registryPath,
      '',
      '/resourceGroups/RG1',
      '/resourceGroups/rg1/',
    ]) {
      const granted = await assign(contributor, 'Owner', contributor.principalId, scope)
      expect([scope, granted.status]).toEqual([scope, 403])
    }
    const listed = await contributor.rest.arm(
      'GET',
      '/resourceGroups/rg1/providers/Microsoft.Authorization/roleAssignments',
    )
    const held = listed.json()['value'] as readonly { readonly id: string }[]
    expect(held.length).toBeGreaterThan(1)
    for (const { id } of held) expect((await contributor.rest.arm('DELETE', id)).status).toBe(403)
  })

  it('a Contributor of one group is nobody in a group whose name begins alike', async () => {
    const contributor = await makeStranger(target, 'contributor-rg1')
    await assign(target, 'Contributor', contributor.principalId, '/resourceGroups/rg1')
    await target.rest.armDone('PUT', '/resourceGroups/rg10', { location: 'eastus' })
    expect((await contributor.rest.arm('GET', '/resourceGroups/rg1')).status).toBe(200)
    expect((await contributor.rest.arm('GET', '/resourceGroups/rg10')).status).toBe(403)
    expect((await contributor.rest.arm('PUT', '/resourceGroups/rg10', { location: 'eastus' })).status).toBe(
      403,
    )
    const seen = (await contributor.rest.arm('GET', '/resourceGroups')).json()['value']
    expect((seen as readonly JsonObject[]).map(({ name }) => name)).toEqual(['rg1'])
  })

  it('an administrator of the access to keys makes no Owner, and not itself', async () => {
    const admin = await makeStranger(target, 'role-admin')
    await assign(target, 'Key Vault Data Access Administrator', admin.principalId, '/resourceGroups/rg1')
    for (const role of ['Owner', 'Key Vault Data Access Administrator'] as const) {
      const granted = await assign(admin, role, admin.principalId, '/resourceGroups/rg1')
      expect([role, granted.status]).toEqual([role, 403])
    }
    expect((await assign(admin, 'Reader', admin.principalId, '')).status).toBe(403)
  })

  it('a Reader sees no password, makes none, and changes nothing', async () => {
    const reader = await makeStranger(target, 'reader')
    await assign(target, 'Reader', reader.principalId, '')
    await target.rest.armDone('PATCH', registryPath, { properties: { adminUserEnabled: true } })
    expect((await reader.rest.arm('GET', registryPath)).text).not.toMatch(/password|credential|\+ACR/)
    for (const [method, path] of [
      ['POST', `${registryPath}/listCredentials`],
      ['POST', `${registryPath}/regenerateCredential`],
      ['PATCH', registryPath],
      ['PUT', registryPath],
      ['DELETE', registryPath],
      ['PUT', `${vaultPath}/accessPolicies/add`],
      ['PATCH', vaultPath],
      ['DELETE', vaultPath],
      ['DELETE', '/resourceGroups/rg1'],
    ] as const) {
      const answer = await reader.rest.arm(method, path, {
        name: 'password',
        location: 'eastus',
        properties: {},
      })
      expect([method, path, answer.status]).toEqual([method, path, 403])
    }
    await target.rest.armDone('PATCH', registryPath, { properties: { adminUserEnabled: false } })
  })

  it('who may write a registry borrows no identity that it may not assign', async () => {
    const limited = await makeStranger(target, 'registry-only')
    await assign(target, 'Contributor', limited.principalId, registryPath)
    await target.rest.armDone(
      'PUT',
      `/resourceGroups/rg1/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id2`,
      {
        location: 'eastus',
      },
    )
    const other = `${target.rest.subscription}/resourceGroups/rg1/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id2`
    const { principalId, clientId } = target.estate.identity
    for (const value of [{}, { principalId, clientId }]) {
      const answer = await limited.rest.arm('PATCH', registryPath, {
        identity: { type: 'UserAssigned', userAssignedIdentities: { [other]: value } },
      })
      expect([answer.status, answer.json()]).toMatchObject([
        403,
        { error: { code: 'LinkedAuthorizationFailed' } },
      ])
    }
    // What is attached already may be echoed, in whatever letter case, but its ids are not read.
    const echoed = await limited.rest.arm('PATCH', registryPath, {
      identity: {
        type: 'UserAssigned',
        userAssignedIdentities: {
          [target.estate.identity.id.toUpperCase()]: { principalId: limited.principalId },
        },
      },
    })
    expect(echoed.status).toBe(200)
    const shown = JSON.stringify(echoed.json()['identity'])
    expect(shown).toContain(principalId)
    expect(shown).not.toContain(limited.principalId)
  })

  it('a deployment does what its caller may, and reads no more than he', async () => {
    const deployer = await makeStranger(target, 'deployer')
    await target.rest.armDone('PUT', '/resourceGroups/rg2', { location: 'eastus' })
    await assign(target, 'Contributor', deployer.principalId, '/resourceGroups/rg2')
    const template = {
      $schema: 'https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#',
      contentVersion: '1.0.0.0',
      resources: [],
      outputs: {
        o: {
          type: 'object',
          value: `[reference('${target.rest.subscription}${registryPath}', '2023-07-01')]`,
        },
      },
    }
    const path = '/resourceGroups/rg2/providers/Microsoft.Resources/deployments/d1'
    const begun = await deployer.rest.arm('PUT', path, { properties: { mode: 'Incremental', template } })
    expect(begun.status).toBe(201)
    let state = ''
    while (state !== 'Failed' && state !== 'Succeeded') {
      const { properties } = (await deployer.rest.arm('GET', path)).json()
      state = text((properties as JsonObject)['provisioningState'])
    }
    expect(state).toBe('Failed')
    expect((await deployer.rest.arm('GET', path)).text).not.toContain('loginServer')
    expect(
      (await deployer.rest.arm('PUT', path.replace('rg2', 'rg1'), { properties: { template } })).status,
    ).toBe(403)
  })

  it('the logs are read by readers of their scope alone', async () => {
    const puller = await makeStranger(target, 'puller')
    await assign(target, 'AcrPull', puller.principalId, registryPath)
    const audit = `${vaultPath}/providers/Strongroom.Audit/auditEvents`
    const activity = '/providers/Microsoft.Insights/eventtypes/management/values'
    expect((await puller.rest.arm('GET', audit)).status).toBe(403)
    expect((await puller.rest.arm('GET', activity)).status).toBe(403)
    const groupReader = await makeStranger(target, 'group-reader')
    await assign(target, 'Reader', groupReader.principalId, '/resourceGroups/rg2')
    expect((await groupReader.rest.arm('GET', activity)).status).toBe(403)
    const filter = encodeURIComponent("resourceGroupName eq 'rg2'")
    expect((await groupReader.rest.arm('GET', `${activity}?$filter=${filter}`)).status).toBe(200)
    for (const escape of ['rg2/../rg1', 'rg1', 'rg2/providers/../../rg1', 'RG1', '']) {
      const tried = encodeURIComponent(`resourceGroupName eq '${escape}'`)
      const answer = await groupReader.rest.arm('GET', `${activity}?$filter=${tried}`)
      expect([escape, answer.text.includes('registry1')]).toEqual([escape, false])
    }
  })
})

describe('a registry that anybody may pull from', () => {
  const path = '/resourceGroups/rg1/providers/Microsoft.ContainerRegistry/registries/registry1'
  const role = 'registry1.azurecr'
  beforeAll(async () => {
    await restRegistry(target.rest, 'registry1').push('hello', 'v1', randomImage([1_000]))
    await target.rest.armDone('PATCH', path, { properties: { anonymousPullEnabled: true } })
  })

  it('gives what a pull needs and asks for a credential for everything else', async () => {
    for (const at of ['/v2/hello/manifests/v1', '/v2/hello/tags/list', '/acr/v1/hello/_tags']) {
      expect([at, (await target.send({ role, method: 'GET', path: at })).status]).toEqual([at, 200])
    }
    for (const [method, at] of [
      ['GET', '/v2'],
      ['GET', '/v2/'],
      ['GET', '/v2/_catalog'],
      ['GET', '/acr/v1/_catalog'],
      ['POST', '/v2/hello/blobs/uploads/'],
      ['PUT', '/v2/hello/manifests/v2'],
      ['DELETE', '/v2/hello/manifests/v1'],
      ['PATCH', '/acr/v1/hello/_tags/v1'],
      ['DELETE', '/acr/v1/hello'],
    ] as const) {
      const answer = await target.send({ role, method, path: at })
      expect([method, at, answer.status]).toEqual([method, at, 401])
      expect(answer.headers['www-authenticate']).toMatch(/^Bearer realm=/)
    }
  })

  it('gives no token for more than a pull to who shows nothing, and stops when it is switched off', async () => {
    const scope = 'repository:hello:pull,push,delete,metadata_write registry:catalog:*'
    const query = `service=${role}.localhost:${target.server.port}&scope=${encodeURIComponent(scope)}`
    const got = await target.send({ role, method: 'GET', path: `/oauth2/token?${query}` })
    const token = text((JSON.parse(got.text) as JsonObject)['access_token'])
    const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as JsonObject
    expect(claims['access']).toEqual([{ type: 'repository', name: 'hello', actions: ['pull'] }])
    const pull = {
      role,
      method: 'GET',
      path: '/v2/hello/manifests/v1',
      headers: { authorization: `Bearer ${token}` },
    }
    expect((await target.send(pull)).status).toBe(200)
    await target.rest.armDone('PATCH', path, { properties: { anonymousPullEnabled: false } })
    expect((await target.send(pull)).status).toBe(401)
    expect((await target.send({ role, method: 'GET', path: '/v2/hello/manifests/v1' })).status).toBe(401)
    expect((await target.send({ role, method: 'GET', path: `/oauth2/token?${query}` })).status).toBe(401)
  })
})
