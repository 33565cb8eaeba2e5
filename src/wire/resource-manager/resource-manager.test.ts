import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type ArmBench, errorOf, openArmBench } from '../../../test/support/arm-bench.ts'
import { CONTRIBUTOR, READER } from '../../../test/support/engine-bench.ts'
import { toyProvider } from '../../../test/support/toy-provider.ts'
import { randomGuid } from '../../crypto/random.ts'
import type { JsonObject } from '../../kernel/json.ts'

let bench: ArmBench
let sub: string

beforeEach(async () => {
  bench = await openArmBench(() => [toyProvider()])
  sub = `/subscriptions/${bench.subscriptionId}`
  await bench.ask('PUT', `${sub}/resourcegroups/rg1`, { body: { location: 'eastus' } })
})
afterEach(async () => {
  expect([...bench.served.bugs, ...bench.bugs]).toEqual([])
  await bench[Symbol.asyncDispose]()
})

const box = (name = 'box1') => `${sub}/resourceGroups/rg1/providers/Toy.Room/boxes/${name}`
const identity = (name = 'id1') =>
  `${sub}/resourceGroups/rg1/providers/Microsoft.ManagedIdentity/userAssignedIdentities/${name}`
const put = (path: string, body: JsonObject = {}) => bench.ask('PUT', path, { body })
const values = ({ body }: { readonly body: JsonObject }) => body['value'] as readonly JsonObject[]

describe('who is let in', () => {
  it('is told where to sign in when there is no token, or none that holds', async () => {
    const none = await bench.ask('GET', '/subscriptions', { token: null })
    expect(errorOf(none)).toBe('401 AuthenticationFailed')
    expect(none.headers['www-authenticate']).toMatch(
      /^Bearer authorization_uri="https:\/\/login\.localhost:8443\//,
    )
    expect(errorOf(await bench.ask('GET', '/subscriptions', { token: 'a.b.c' }))).toBe(
      '401 InvalidAuthenticationToken',
    )
  })
  it('asks for the token before it tells whether a path is known', async () => {
    expect((await bench.ask('GET', '/nothing/here', { token: null })).status).toBe(401)
    expect(errorOf(await bench.ask('GET', '/nothing/here'))).toBe('404 NotFound')
  })
  it('gets every api-version that is well formed, and must name one', async () => {
    for (const version of ['2015-11-01', '2030-12-31-preview', '2022-05-01-preview']) {
      expect((await bench.ask('GET', `/subscriptions?api-version=${version}`)).status).toBe(200)
    }
    expect(errorOf(await bench.ask('GET', '/subscriptions?api-version='))).toBe(
      '400 MissingApiVersionParameter',
    )
    expect(errorOf(await bench.ask('GET', '/subscriptions?api-version=latest'))).toBe(
      '400 InvalidApiVersionParameter',
    )
  })
  it('finds request ids in every answer, its own echoed', async () => {
    const { headers } = await bench.ask('GET', box(), { headers: { 'x-ms-client-request-id': 'mine-1' } })
    expect(headers['x-ms-client-request-id']).toBe('mine-1')
    expect(headers['x-ms-request-id']).toMatch(/^[0-9a-f-]{36}$/)
    expect(headers['x-ms-correlation-request-id']).toBe(headers['x-ms-request-id'])
  })
})

describe('the metadata look-up', () => {
  const get = async (version: string) =>
    (await bench.ask('GET', `//metadata/endpoints?api-version=${version}`, { token: null })).body as unknown
  it('has the three forms that az reads, without a token', async () => {
    expect(await get('2015-01-01')).toMatchObject({
      authentication: {
        loginEndpoint: 'https://login.localhost:8443/adfs',
        audiences: ['https://management.localhost:8443/'],
      },
    })
    expect(await get('2019-05-01')).toMatchObject([{ name: 'Strongroom' }])
    expect(await get('2022-09-01')).toMatchObject({
      resourceManager: 'https://management.localhost:8443/',
      microsoftGraphResourceId: 'https://graph.localhost:8443/',
      suffixes: { keyVaultDns: 'vault.localhost:8443', storage: 'core.localhost:8443' },
    })
  })
})

describe('resource groups', () => {
  it('answer HEAD with 204 or 404 and no body', async () => {
    expect((await bench.ask('HEAD', `${sub}/resourceGroups/RG1`)).status).toBe(204)
    expect((await bench.ask('HEAD', `${sub}/resourceGroups/rg9`)).status).toBe(404)
  })
  it('are 201 when made, 200 when there already', async () => {
    expect((await put(`${sub}/resourcegroups/rg2`, { location: 'East US' })).status).toBe(201)
    const again = await put(`${sub}/resourcegroups/rg2`, { location: 'eastus', tags: { a: 'b' } })
    expect(again.status).toBe(200)
    expect(again.body).toMatchObject({
      id: `${sub}/resourceGroups/rg2`,
      location: 'eastus',
      tags: { a: 'b' },
      properties: { provisioningState: 'Succeeded' },
    })
  })
  it('are deleted with 202 and a Location that says when to ask again, until 200', async () => {
    await put(box())
    const begun = await bench.ask('DELETE', `${sub}/resourcegroups/rg1`)
    expect(begun.status).toBe(202)
    expect(begun.headers['retry-after']).toBe('1')
    const path = String(begun.headers['location']).replace('https://management.localhost:8443', '')
    let poll = await bench.ask('GET', path)
    while (poll.status === 202) {
      expect(poll.headers['retry-after']).toBe('1')
      poll = await bench.ask('GET', path)
    }
    expect(poll.status).toBe(200)
    expect(errorOf(await bench.ask('GET', `${sub}/resourcegroups/rg1`))).toBe('404 ResourceGroupNotFound')
  })
  it('are listed a page at a time', async () => {
    for (const name of ['a', 'b', 'c']) await put(`${sub}/resourcegroups/${name}`, { location: 'eastus' })
    const names: unknown[] = []
    for (let path: string | null = `${sub}/resourcegroups?$top=2`; path !== null;) {
      const page = await bench.ask('GET', path)
      names.push(...values(page).map(({ name }) => name))
      const next = page.body['nextLink'] as string | undefined
      path = next === undefined ? null : next.replace(/^https:\/\/[^/]+/, '')
    }
    expect(names).toEqual(['a', 'b', 'c', 'rg1'])
  })
})

describe('resources', () => {
  it('are 201 when made, 200 when changed, 200 then 204 when deleted', async () => {
    expect((await put(box())).status).toBe(201)
    expect((await put(box())).status).toBe(200)
    expect((await bench.ask('PATCH', box(), { body: { tags: { a: 'b' } } })).body['tags']).toEqual({ a: 'b' })
    expect((await bench.ask('HEAD', box())).status).toBe(204)
    expect((await bench.ask('DELETE', box())).status).toBe(200)
    expect((await bench.ask('DELETE', box())).status).toBe(204)
    expect(errorOf(await bench.ask('GET', box()))).toBe('404 ResourceNotFound')
  })
  it('are found by the name look-up that az makes', async () => {
    await put(box())
    await put(identity())
    const filter = encodeURIComponent("resourceType eq 'toy.room/boxes' and name eq 'BOX1'")
    const found = values(await bench.ask('GET', `${sub}/resources?$filter=${filter}`))
    expect(found.map(({ id }) => id)).toEqual([box()])
    const inGroup = encodeURIComponent("resourceGroup eq 'RG1'")
    const expanded = await bench.ask(
      'GET',
      `${sub}/resources?$filter=${inGroup}&$expand=createdTime,changedTime,provisioningState`,
    )
    expect(values(expanded)).toMatchObject([
      { name: 'id1', provisioningState: 'Succeeded' },
      { name: 'box1', createdTime: '2026-06-01T12:00:00.2500000Z' },
    ])
  })
  it('filters by tag, and refuses filters that it would not heed', async () => {
    await put(box(), { tags: { Team: 'red' } })
    await put(box('box2'))
    const tag = encodeURIComponent("tagName eq 'team' and tagValue eq 'red'")
    expect(values(await bench.ask('GET', `${sub}/resources?$filter=${tag}`))).toHaveLength(1)
    for (const filter of ["kind eq 'x'", "name ne 'x'", "name eq 'a' or name eq 'b'", "name eq 'a"]) {
      const refused = await bench.ask('GET', `${sub}/resources?$filter=${encodeURIComponent(filter)}`)
      expect(errorOf(refused)).toBe('400 InvalidFilterInQueryString')
    }
  })
  it('are listed by type in a group and over the subscription, children below their parent', async () => {
    await put(box())
    await put(`${box()}/locks/l1`)
    await put(box('box2'))
    await put(`${box('box2')}/locks/l1`)
    expect(values(await bench.ask('GET', `${sub}/resourceGroups/rg1/providers/Toy.Room/boxes`))).toHaveLength(
      2,
    )
    expect(values(await bench.ask('GET', `${sub}/providers/Toy.Room/boxes`))).toHaveLength(2)
    expect(values(await bench.ask('GET', `${box()}/locks`)).map(({ id }) => id)).toEqual([
      `${box()}/locks/l1`,
    ])
  })
  it('take the actions of their provider', async () => {
    await put(box())
    const shaken = await bench.ask('POST', `${box()}/SHAKE`)
    expect([shaken.status, shaken.body]).toEqual([200, { shaken: 'box1' }])
    expect(errorOf(await bench.ask('POST', `${box()}/drop`))).toBe('404 NotFound')
    expect(errorOf(await bench.ask('POST', `${box('none')}/shake`))).toBe('404 ResourceNotFound')
  })
  it('have providers that answer below the subscription', async () => {
    const asked = await bench.ask('POST', `${sub}/providers/toy.room/CheckNameAvailability`, {
      body: { name: 'x' },
    })
    expect(asked.body).toEqual({ sent: { name: 'x' } })
    const purged = await bench.ask('POST', `${sub}/providers/Toy.Room/locations/eastus/lostBoxes/b/purge`)
    expect(purged.status).toBe(202)
    const poll = String(purged.headers['location']).replace('https://management.localhost:8443', '')
    expect((await bench.ask('GET', poll)).status).toBe(200)
  })
  it('tell bad bodies, namespaces, types and subscriptions apart, and never answer 500', async () => {
    expect(errorOf(await bench.ask('PUT', box(), { body: '{"a":' }))).toBe('400 InvalidRequestContent')
    expect(errorOf(await bench.ask('PUT', box(), { body: '[]' }))).toBe('400 InvalidRequestContent')
    const deep = `{"properties":${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}}`
    expect(errorOf(await bench.ask('PUT', box(), { body: deep }))).toBe('400 InvalidRequestContent')
    expect(errorOf(await put(box(), { properties: 'x' }))).toBe('400 InvalidRequestContent')
    expect(errorOf(await put(box(), { sku: 7 }))).toBe('400 InvalidRequestContent')
    expect(errorOf(await put(box(), { location: 7 }))).toBe('400 LocationNotAvailableForResourceType')
    expect(errorOf(await put(`${sub}/resourceGroups/rg1/providers/No.Such/boxes/b`))).toBe(
      '404 InvalidResourceNamespace',
    )
    expect(errorOf(await put(`${sub}/resourceGroups/rg1/providers/Toy.Room/chairs/b`))).toBe(
      '404 InvalidResourceType',
    )
    expect(errorOf(await put(`${sub}/resourceGroups/rg1/providers/Toy.Room/boxes`))).toBe('404 NotFound')
    expect(
      errorOf(await bench.ask('GET', '/subscriptions/x/resourceGroups/rg1/providers/Toy.Room/boxes/b')),
    ).toBe('400 InvalidSubscriptionId')
    expect(errorOf(await bench.ask('GET', `/subscriptions/${randomGuid()}/resourcegroups/rg1`))).toBe(
      '404 SubscriptionNotFound',
    )
    expect(errorOf(await bench.ask('GET', box('a%3Cb')))).toBe('404 NotFound')
  })
  it('are refused with 403 to who may not, whether they exist or not', async () => {
    await put(box())
    const reader = await bench.tokenOf(await bench.signIn(READER))
    const refused = await bench.ask('DELETE', box(), { token: reader })
    expect(errorOf(refused)).toBe('403 AuthorizationFailed')
    expect((refused.body['error'] as JsonObject)['message']).toContain("'Toy.Room/boxes/delete'")
    const stranger = await bench.tokenOf(await bench.signIn(null))
    expect(errorOf(await bench.ask('GET', box('none'), { token: stranger }))).toBe('403 AuthorizationFailed')
  })
})

describe('identities', () => {
  it('show what az identity create prints', async () => {
    const made = await put(identity(), { location: 'eastus' })
    expect(made.status).toBe(201)
    expect(made.body).toMatchObject({ id: identity(), name: 'id1', location: 'eastus', tags: {} })
    expect(made.body['type']).toBe('Microsoft.ManagedIdentity/userAssignedIdentities')
    const { principalId, clientId, tenantId, clientSecretUrl } = made.body['properties'] as Record<
      string,
      string
    >
    expect(tenantId).toBe(bench.tenantId)
    expect(clientSecretUrl).toContain(`oid=${principalId ?? ''}&aid=${clientId ?? ''}`)
    expect((await bench.ask('GET', identity().toUpperCase())).body).toEqual(made.body)
  })
  it('show the system-assigned one of any resource', async () => {
    await put(box(), { identity: { type: 'SystemAssigned' } })
    const shown = await bench.ask('GET', box())
    const { principalId } = shown.body['identity'] as JsonObject
    const path = `${box()}/providers/Microsoft.ManagedIdentity/identities/default`
    expect((await bench.ask('GET', path)).body['properties']).toMatchObject({ principalId })
    await put(box('box2'))
    expect(errorOf(await bench.ask('GET', path.replace('box1', 'box2')))).toBe('404 ResourceNotFound')
  })
})

describe('roles', () => {
  const assignments = (scope: string) => `${scope}/providers/Microsoft.Authorization/roleAssignments`
  const assign = (scope: string, roleId: string, principalId: string, name: string = randomGuid()) =>
    put(`${assignments(scope)}/${name}`, {
      properties: {
        roleDefinitionId: `${sub}/providers/Microsoft.Authorization/roleDefinitions/${roleId}`,
        principalId,
        principalType: 'ServicePrincipal',
      },
    })
  it('are found by name, and hold from the next request on until they are deleted', async () => {
    await put(box())
    const filter = encodeURIComponent("roleName eq 'Contributor'")
    const found = await bench.ask(
      'GET',
      `${box()}/providers/Microsoft.Authorization/roleDefinitions?$filter=${filter}`,
    )
    const [role] = values(found)
    expect(role).toMatchObject({
      name: CONTRIBUTOR,
      properties: { roleName: 'Contributor', type: 'BuiltInRole' },
    })
    const someone = await bench.signIn(null)
    const token = await bench.tokenOf(someone)
    expect((await bench.ask('GET', box(), { token })).status).toBe(403)
    const made = await assign(box(), CONTRIBUTOR, someone.caller.principalId)
    expect(made.status).toBe(201)
    expect((await bench.ask('GET', box(), { token })).status).toBe(200)
    const id = made.body['id'] as string
    expect((await bench.ask('DELETE', id)).status).toBe(200)
    expect((await bench.ask('DELETE', id)).status).toBe(204)
    expect((await bench.ask('GET', box(), { token })).status).toBe(403)
  })
  it('are given only by who may, to who exists', async () => {
    const contributor = await bench.signIn(CONTRIBUTOR)
    const body = { properties: { roleDefinitionId: READER, principalId: contributor.caller.principalId } }
    const path = `${assignments(sub)}/${randomGuid()}`
    const token = await bench.tokenOf(contributor)
    expect(errorOf(await bench.ask('PUT', path, { token, body }))).toBe('403 AuthorizationFailed')
    expect(errorOf(await assign(sub, READER, randomGuid()))).toBe('400 PrincipalNotFound')
    expect(errorOf(await assign(sub, randomGuid(), bench.owner.principalId))).toBe(
      '404 RoleDefinitionDoesNotExist',
    )
    expect(errorOf(await assign(sub, READER, bench.owner.principalId, 'nope'))).toBe(
      '400 InvalidRoleAssignmentId',
    )
    expect(errorOf(await assign(`${sub}/resourceGroups/rg9`, READER, bench.owner.principalId))).toBe(
      '404 ResourceGroupNotFound',
    )
  })
  it('are listed for a principal, and in the activity log', async () => {
    const someone = await bench.signIn(null)
    await assign(`${sub}/resourceGroups/rg1`, READER, someone.caller.principalId)
    const filter = encodeURIComponent(`atScope() and assignedTo('${someone.caller.principalId}')`)
    const listed = await bench.ask('GET', `${assignments(`${sub}/resourceGroups/rg1`)}?$filter=${filter}`)
    expect(values(listed)).toMatchObject([{ properties: { scope: `${sub}/resourceGroups/rg1` } }])
    const log = await bench.ask('GET', `${sub}/providers/Microsoft.Insights/eventtypes/management/values`)
    const operations = values(log).map(({ operationName }) => (operationName as JsonObject)['value'])
    expect(operations).toContain('Microsoft.Authorization/roleAssignments/write')
  })
})

describe('deployments', () => {
  const path = () => `${sub}/resourcegroups/rg1/providers/Microsoft.Resources/deployments/d1`
  const sent = (name: string) =>
    `{"properties": {"parameters": {}, "mode": "Incremental", template:{ // as az sends it
      "resources": [{"type": "Toy.Room/boxes", "apiVersion": "2024-01-01", "name": "${name}",}]}}}`
  const headers = { 'content-type': 'application/json' }

  it('are polled to their end at Azure-AsyncOperation, each answer saying when to ask again', async () => {
    expect((await bench.ask('POST', `${path()}/validate`, { body: sent('box1'), headers })).status).toBe(200)
    const begun = await bench.ask('PUT', path(), { body: sent('box1'), headers })
    expect(begun.status).toBe(201)
    expect(begun.body).toMatchObject({ properties: { provisioningState: 'Running' } })
    const poll = String(begun.headers['azure-asyncoperation']).replace(
      'https://management.localhost:8443',
      '',
    )
    let status = await bench.ask('GET', poll)
    while (status.body['status'] === 'Running') {
      expect(status.headers['retry-after']).toBe('1')
      status = await bench.ask('GET', poll)
    }
    expect(status.body).toEqual({ status: 'Succeeded' })
    expect((await bench.ask('GET', path())).body).toMatchObject({
      id: path().replace('resourcegroups', 'resourceGroups'),
      properties: { provisioningState: 'Succeeded', outputResources: [{ id: box() }] },
    })
    expect(values(await bench.ask('GET', `${path()}/operations`))).toHaveLength(1)
    const asAz = `${sub}/resourcegroups/rg1/deployments/d1/operations`
    expect(values(await bench.ask('GET', asAz))).toHaveLength(1)
    expect((await bench.ask('HEAD', path())).status).toBe(204)
    expect((await bench.ask('DELETE', path())).status).toBe(204)
    expect(errorOf(await bench.ask('GET', path()))).toBe('404 DeploymentNotFound')
    expect((await bench.ask('GET', box())).status).toBe(200)
  })
  it('answer 400 with the reason to a template that is not valid', async () => {
    expect(errorOf(await bench.ask('PUT', path(), { body: sent(''), headers }))).toBe('400 InvalidTemplate')
    expect(errorOf(await bench.ask('PUT', path(), { body: '{template:', headers }))).toBe(
      '400 InvalidRequestContent',
    )
  })
})

describe('namespaces and features', () => {
  it('are registered, all of them', async () => {
    const shown = await bench.ask('GET', `${sub}/providers/toy.room`)
    expect(shown.body).toMatchObject({ namespace: 'Toy.Room', registrationState: 'Registered' })
    expect((await bench.ask('POST', `${sub}/providers/Toy.Room/register`)).status).toBe(200)
    expect(errorOf(await bench.ask('GET', `${sub}/providers/No.Such`))).toBe('404 InvalidResourceNamespace')
    const feature = `${sub}/providers/Microsoft.Features/providers/Toy.Room/features/Early`
    expect((await bench.ask('POST', `${feature}/register`)).body['properties']).toEqual({
      state: 'Registered',
    })
    expect((await bench.ask('GET', feature)).body['name']).toBe('Toy.Room/Early')
  })
})

describe('the logs', () => {
  it('answer the filter of az, whose times have no zone', async () => {
    await put(box())
    const filter = (from: string, to: string) =>
      encodeURIComponent(
        `eventTimestamp ge ${from} and eventTimestamp le ${to} and resourceGroupName eq 'rg1'`,
      )
    const path = `${sub}/providers/Microsoft.Insights/eventtypes/management/values?$filter=`
    const hit = await bench.ask(
      'GET',
      path + filter('2026-06-01T11:59:00.270856', '2026-06-01T12:01:00.270856'),
    )
    expect(values(hit).length).toBeGreaterThan(0)
    const miss = await bench.ask('GET', path + filter('2026-06-01T10:00:00', '2026-06-01T11:00:00'))
    expect(values(miss)).toEqual([])
  })
  it("show a vault's audit events to who may read logs there", async () => {
    const vaultId = `${sub}/resourceGroups/rg1/providers/Microsoft.KeyVault/vaults/kv1`
    for (const object of ['keys/k1/1', 'keys/k1/2']) {
      await bench.activity.audit.record({
        vaultId,
        operation: 'KeyUnwrap',
        apiVersion: '7.4',
        status: 200,
        refusal: null,
        durationMs: 3,
        callerAddress: null,
        caller: bench.owner,
        correlationId: randomGuid(),
        object,
        clientInfo: 'test',
      })
    }
    const path = `${vaultId}/providers/Strongroom.Audit/auditEvents`
    const first = await bench.ask('GET', `${path}?$top=1`)
    expect(values(first)).toMatchObject([
      {
        resourceId: vaultId.toUpperCase(),
        operationName: 'KeyUnwrap',
        category: 'AuditEvent',
        resultType: 'Success',
        identity: { claim: { appid: bench.owner.appId } },
      },
    ])
    const next = (first.body['nextLink'] as string).replace(/^https:\/\/[^/]+/, '')
    expect(values(await bench.ask('GET', next))).toMatchObject([{ properties: { id: 'keys/k1/2' } }])
    const stranger = await bench.tokenOf(await bench.signIn(null))
    expect((await bench.ask('GET', path, { token: stranger })).status).toBe(403)
  })
})
