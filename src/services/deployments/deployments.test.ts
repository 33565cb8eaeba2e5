import { readFile } from 'node:fs/promises'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  CONTRIBUTOR,
  OWNER,
  READER,
  type EngineBench,
  openEngineBench,
} from '../../../test/support/engine-bench.ts'
import { toyProvider } from '../../../test/support/toy-provider.ts'
import type { JsonObject } from '../../kernel/json.ts'
import type { Caller } from '../directory/caller.ts'
import { refusalOf, refused } from '../resources/faults.ts'
import type { ResourceProvider, ResourceType } from '../resources/provider.ts'
import { parseResourceId } from '../resources/resource-id.ts'
import type { ResourceStore } from '../resources/store.ts'

const cmkTemplate = await readFile(new URL('cmk-template.json.txt', import.meta.url), 'utf8')

let bench: EngineBench
let owner: Caller
let seen: string[]

/** A vault that knows its policies, and a registry that needs the one for its identity: as the real ones, without keys. */
function vaultAndRegistry(store: ResourceStore): readonly ResourceProvider[] {
  const plain = { apiVersions: ['2024-01-01'], globalName: true, checkName: () => null } as const
  const shown: ResourceType['present'] = (resource) => Promise.resolve({ properties: resource.properties })
  const vaults: ResourceType = {
    ...plain,
    type: 'Microsoft.KeyVault/vaults',
    identities: 'none',
    put: (call) => Promise.resolve({ properties: { accessPolicies: [], ...call.properties } }),
    present: shown,
  }
  const policies: ResourceType = {
    ...plain,
    type: 'Microsoft.KeyVault/vaults/accessPolicies',
    globalName: false,
    identities: 'none',
    put: (call) =>
      Promise.resolve({
        properties: call.properties,
        changeParent: ({ accessPolicies }) => ({
          accessPolicies: [
            ...(accessPolicies as readonly JsonObject[]),
            ...(call.properties['accessPolicies'] as readonly JsonObject[]),
          ],
        }),
      }),
    present: shown,
  }
  const registries: ResourceType = {
    ...plain,
    type: 'Microsoft.ContainerRegistry/registries',
    identities: 'system-and-user',
    checkName: (name) =>
      /^[a-z0-9]{5,50}$/i.test(name) ? null : { code: 'InvalidRegistryName', message: 'No registry name.' },
    async put(call) {
      seen.push(`put ${call.resource.name}`)
      const [vault] = await store.listByType('Microsoft.KeyVault/vaults')
      const policies = (vault?.properties['accessPolicies'] ?? []) as readonly JsonObject[]
      const identity = call.resource.identity?.user[0]
      if (!policies.some(({ objectId }) => objectId === identity?.principalId)) {
        throw refused(400, 'KeyNotAccessible', 'Failed to access the key.')
      }
      return { properties: call.properties }
    },
    present: shown,
  }
  return [
    { namespace: 'Microsoft.KeyVault', types: [vaults, policies], scopeActions: [] },
    { namespace: 'Microsoft.ContainerRegistry', types: [registries], scopeActions: [] },
    toyProvider(seen),
  ]
}

beforeEach(async () => {
  seen = []
  bench = await openEngineBench(vaultAndRegistry)
  owner = (await bench.signIn(OWNER)).caller
  const group = { subscriptionId: bench.subscriptionId, resourceGroup: 'rg1' }
  await bench.resources.putGroup(bench.call(owner), { ...group, body: { location: 'koreacentral' } })
})
afterEach(async () => {
  expect(bench.bugs).toEqual([])
  await bench[Symbol.asyncDispose]()
})

const nameOf = (name = 'd1') => ({ subscriptionId: bench.subscriptionId, resourceGroup: 'rg1', name })
function idOf(path: string) {
  const id = parseResourceId(`/subscriptions/${bench.subscriptionId}/resourceGroups/rg1/providers/${path}`)
  if (id === null) throw new Error(path)
  return id
}
/** As az sends it: the template's text as it is, behind an unquoted key. */
function body(template: string | JsonObject, parameters: JsonObject = {}): Buffer {
  const text = typeof template === 'string' ? template : JSON.stringify(template)
  const values = Object.fromEntries(Object.entries(parameters).map(([name, value]) => [name, { value }]))
  return Buffer.from(
    `{"properties": {"parameters": ${JSON.stringify(values)}, "mode": "Incremental", template:${text}}}`,
  )
}
async function deploy(sent: Buffer, caller = owner, name = 'd1'): Promise<JsonObject> {
  await bench.deployments.begin(bench.call(caller), nameOf(name), sent)
  for (;;) {
    const { deployment, isRunning } = await bench.deployments.get(bench.call(caller), nameOf(name))
    if (!isRunning) return deployment['properties'] as JsonObject
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
const validate = (sent: Buffer, caller = owner) =>
  bench.deployments.validate(bench.call(caller), nameOf(), sent)
async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work
  } catch (error) {
    const found = refusalOf(error)
    if (found !== null) return `${found.status} ${found.code}: ${found.message}`
    if (error instanceof Error && 'code' in error) return String(error.code)
    throw error
  }
  return 'ok'
}
const template = (parts: JsonObject): JsonObject => ({
  $schema: 'https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#',
  contentVersion: '1.0.0.0',
  resources: [],
  ...parts,
})
const box = (name: string, more: JsonObject = {}): JsonObject => ({
  type: 'Toy.Room/boxes',
  apiVersion: '2024-01-01',
  name,
  ...more,
})
/** What an expression comes to, by way of an output. */
async function value(expression: string, type = 'String'): Promise<unknown> {
  const outputs = { it: { type, value: expression } }
  const done = await deploy(body(template({ outputs })))
  if (done['provisioningState'] !== 'Succeeded') return done['error']
  return ((done['outputs'] as JsonObject)['it'] as JsonObject)['value']
}

describe('the published registry template', () => {
  const parameters = {
    vault_name: 'kv1',
    registry_name: 'myacr1',
    identity_name: 'id1',
    kek_id: 'https://kv1.vault.localhost:8443/keys/key1/0123',
  }
  const putVault = () =>
    bench.resources.write(bench.call(owner), {
      id: idOf('Microsoft.KeyVault/vaults/kv1'),
      body: { properties: { accessPolicies: [{ objectId: 'before', tenantId: 't' }] } },
      isPatch: false,
    })

  it('succeeds as printed although it does not say that the registry needs the access policy', async () => {
    await putVault()
    const done = await deploy(body(cmkTemplate, parameters))
    expect(done).toMatchObject({ provisioningState: 'Succeeded' })
    expect(done['outputResources']).toHaveLength(3)
    const registry = await bench.resources.get(
      bench.call(owner),
      idOf('Microsoft.ContainerRegistry/registries/myacr1'),
    )
    const identity = await bench.resources.get(
      bench.call(owner),
      idOf('Microsoft.ManagedIdentity/userAssignedIdentities/id1'),
    )
    expect(registry.location).toBe('koreacentral')
    expect(registry.sku).toEqual({ name: 'Premium', tier: 'Premium' })
    expect(registry.identity?.user).toMatchObject([{ resourceId: identity.id }])
    expect(registry.properties['encryption']).toEqual({
      status: 'enabled',
      keyVaultProperties: { identity: identity.properties['clientId'], KeyIdentifier: parameters.kek_id },
    })
    expect(registry.properties['policies']).toMatchObject({
      retentionPolicy: { days: 7, status: 'disabled' },
    })
    const vault = await bench.resources.get(bench.call(owner), idOf('Microsoft.KeyVault/vaults/kv1'))
    expect(vault.properties['accessPolicies']).toEqual([
      { objectId: 'before', tenantId: 't' },
      {
        tenantId: bench.tenantId,
        objectId: identity.properties['principalId'],
        permissions: { keys: ['get', 'unwrapKey', 'wrapKey'] },
      },
    ])
  })
  it('succeeds a second time, with the same principal', async () => {
    await putVault()
    await deploy(body(cmkTemplate, parameters))
    const id = idOf('Microsoft.ManagedIdentity/userAssignedIdentities/id1')
    const first = await bench.resources.get(bench.call(owner), id)
    expect(await deploy(body(cmkTemplate, parameters))).toMatchObject({ provisioningState: 'Succeeded' })
    expect((await bench.resources.get(bench.call(owner), id)).properties).toEqual(first.properties)
  })
  it('fails, and names the vault, when that is absent', async () => {
    const done = await deploy(body(cmkTemplate, parameters))
    expect(done['provisioningState']).toBe('Failed')
    expect(JSON.stringify(done['error'])).toContain('kv1')
    const operations = await bench.deployments.listOperations(bench.call(owner), nameOf())
    const states = operations.map(({ properties }) => (properties as JsonObject)['provisioningState'])
    expect(states.toSorted()).toEqual(['Failed', 'Failed', 'Succeeded'])
  })
  it('is not valid without kek_id, which has no default, and says so', async () => {
    const { kek_id: _, ...rest } = parameters
    expect(await refusal(validate(body(cmkTemplate, rest)))).toMatch(/^400 InvalidTemplate: .*'kek_id'/)
  })
  it('makes nothing when a name is empty', async () => {
    for (const name of ['registry_name', 'identity_name', 'vault_name']) {
      const sent = body(cmkTemplate, { ...parameters, [name]: '' })
      expect(await refusal(validate(sent))).toMatch(/^400 InvalidTemplate: /)
      expect(await refusal(bench.deployments.begin(bench.call(owner), nameOf(), sent))).toMatch(
        /^400 InvalidTemplate/,
      )
    }
    const left = await bench.store.list({ subscriptionId: bench.subscriptionId }, { after: null, limit: 10 })
    expect(left.items).toEqual([])
    expect(await refusal(bench.deployments.get(bench.call(owner), nameOf()))).toMatch(
      /^404 DeploymentNotFound/,
    )
  })
  it('is validated without making anything', async () => {
    const valid = await validate(body(cmkTemplate, parameters))
    expect(valid['properties']).toMatchObject({
      provisioningState: 'Succeeded',
      parameters: { kek_id: { type: 'String', value: parameters.kek_id } },
    })
    expect((valid['properties'] as JsonObject)['dependencies']).toHaveLength(2)
    const left = await bench.store.list({ subscriptionId: bench.subscriptionId }, { after: null, limit: 10 })
    expect(left.items).toEqual([])
  })
})

describe('bodies as az sends them', () => {
  it('may hold comments, trailing commas, bare keys and strings of several lines', async () => {
    const text = `{
      // a comment with "quotes" and a template: inside
      "contentVersion": "1.0.0.0", /* another: { */
      "resources": [ { "type": "Toy.Room/boxes", "apiVersion": "2024-01-01", "name": "box1",
        "properties": { "note": "two
lines", "url": "https://example.org//x", }, }, ],
    }`
    expect(await deploy(body(text))).toMatchObject({ provisioningState: 'Succeeded' })
    const made = await bench.resources.get(bench.call(owner), idOf('Toy.Room/boxes/box1'))
    expect(made.properties).toEqual({ note: 'two\nlines', url: 'https://example.org//x' })
  })
  it('are refused where they break off, with line and column, and never with 500', async () => {
    expect(await refusal(validate(body('{\n "resources": [ }')))).toMatch(
      /^400 InvalidRequestContent: .* at line 2, position 17/,
    )
    for (const text of ['', '{', '[]', 'null', '{"properties":7}', '{"properties":{}}', '"\\u', '{"a":"\\'])
      expect(await refusal(validate(Buffer.from(text)))).toMatch(/^400 Invalid(RequestContent|Template)/)
    expect(await refusal(validate(Buffer.from([0x7b, 0xff, 0x7d])))).toMatch(/^400 InvalidRequestContent/)
    expect(await refusal(validate(Buffer.from('['.repeat(100_000))))).toMatch(/^400 InvalidRequestContent/)
  })
  it('set no prototype by way of __proto__', async () => {
    const text = '{"resources":[],"outputs":{"it":{"type":"Object","value":{"__proto__":{"a":1}}}}}'
    const done = await deploy(body(text))
    expect(JSON.stringify(done['outputs'])).toBe('{"it":{"type":"Object","value":{"__proto__":{"a":1}}}}')
  })
  it('are refused when they want what is not here', async () => {
    const complete = Buffer.from('{"properties":{"mode":"Complete","template":{"resources":[]}}}')
    expect(await refusal(validate(complete))).toMatch(/^400 NotSupported/)
    const linked = Buffer.from('{"properties":{"templateLink":{"uri":"https://x"},"template":{}}}')
    expect(await refusal(validate(linked))).toMatch(/^400 NotSupported/)
    expect(
      await refusal(validate(body(template({ resources: [box('a', { copy: { count: 2 } })] })))),
    ).toMatch(/^400 InvalidTemplate/)
  })
})

describe('parameters', () => {
  const one = (definition: JsonObject, parameters: JsonObject = {}) =>
    refusal(validate(body(template({ parameters: { p: definition } }), parameters)))
  it('have their types and limits held', async () => {
    expect(await one({ type: 'string' }, { p: 1 })).toMatch(/InvalidTemplate.*'p'.*'String'/)
    expect(await one({ type: 'int', minValue: 3 }, { p: 2 })).toMatch(/'minValue'/)
    expect(await one({ type: 'string', maxLength: 2 }, { p: 'abc' })).toMatch(/'maxLength'/)
    expect(await one({ type: 'string', allowedValues: ['a'] }, { p: 'b' })).toMatch(/allowed values/)
    expect(await one({ type: 'text' })).toMatch(/is not one of String/)
    expect(await one({ type: 'string' }, { P: 'x' })).toBe('ok')
    expect(await one({ type: 'string', defaultValue: '' }, { q: 1 })).toMatch(/do not correspond/)
  })
  it('never show what is secure: neither its value nor an output of it', async () => {
    const parts = {
      parameters: { secret: { type: 'securestring' } },
      outputs: { secret: { type: 'securestring', value: "[parameters('secret')]" } },
    }
    const done = await deploy(body(template(parts), { secret: 'c4n4ry' }))
    expect(done['provisioningState']).toBe('Succeeded')
    expect(JSON.stringify(done)).not.toContain('c4n4ry')
    const wrong = await refusal(
      validate(
        body(template({ parameters: { s: { type: 'secureString', maxLength: 1 } } }), { s: 'c4n4ry' }),
      ),
    )
    expect(wrong).not.toContain('c4n4ry')
  })
  it('may default to an expression, but not to themselves', async () => {
    const parts = {
      parameters: {
        where: { type: 'string', defaultValue: '[resourceGroup().location]' },
        what: { type: 'string', defaultValue: "[concat(parameters('WHERE'), '-', newGuid())]" },
      },
      outputs: { it: { type: 'string', value: "[parameters('what')]" } },
    }
    const done = await deploy(body(template(parts)))
    expect(JSON.stringify(done['outputs'])).toContain('koreacentral-')
    expect(await one({ type: 'string', defaultValue: "[parameters('p')]" })).toMatch(/depends on itself/)
  })
})

describe('expressions', () => {
  it.each([
    ["[concat('a', 'b', string(1))]", 'ab1'],
    ["[if(equals(1, 2), fail(), 'else')]", 'else'],
    ["[toUpper(substring('strongroom', 0, 6))]", 'STRONG'],
    ["[format('{0}-{1}{{}}', 'a', 7)]", 'a-7{}'],
    ["[resourceID('Toy.Room/boxes', 'b')]", /\/resourceGroups\/rg1\/providers\/Toy\.Room\/boxes\/b$/],
    [
      "[resourceId('other', 'Toy.Room/boxes/locks', 'b', 'l')]",
      /\/resourceGroups\/other\/providers\/.*\/b\/locks\/l$/,
    ],
    ["[first(split('a,b', ','))]", 'a'],
    ["[last(createArray('x', 'y'))]", 'y'],
    ["[replace('it''s', '''', '')]", 'its'],
    ["[coalesce(null(), 'there')]", 'there'],
    ["[createObject('a', createArray(1, 2)).A[1]]", 2],
    ['[length(union(createArray(1, 2), createArray(2, 3)))]', 3],
    ["[contains(createObject('Key', 1), 'key')]", true],
    ['[empty(createObject())]', true],
    ["[and(not(false()), or(false(), bool('true')))]", true],
    ["[int('42')]", 42],
    ["[uniqueString('a')]", /^[a-z2-7]{13}$/],
    ["[guid('a', 'b')]", /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/],
    ['[[not an expression]', '[not an expression]'],
    ['[subscription().TENANTID]', /^[0-9a-f-]{36}$/],
    ['[tenant().tenantId]', /^[0-9a-f-]{36}$/],
    ['[deployment().name]', 'd1'],
  ])('%s', async (expression, expected) => {
    const type = typeof expected === 'number' ? 'int' : typeof expected === 'boolean' ? 'bool' : 'string'
    const found = await value(expression, type)
    if (expected instanceof RegExp) expect(found).toMatch(expected)
    else expect(found).toBe(expected)
  })
  it.each([
    ["[concat('a']", /expected '\)'|expected ','/],
    ['[nope()]', /'nope' is not known/],
    ["[substring('ab', 1, 5)]", /lie within the string/],
    ["[parameters('none')]", /'none' is not found/],
    ['[resourceGroup().nothing]', /'nothing' doesn't exist/],
    ['[div(1, 0)]', /divided by zero/],
    ["[concat('a' 'b')]", /at position 12/],
    ['[range(0, 100000000)]', /range/],
    [`[${'if(true(),'.repeat(200)}1]`, /nested/],
  ])('%s is refused with its place', async (expression, expected) => {
    const work = validate(body(template({ variables: { v: expression } })))
    expect(await refusal(work)).toMatch(/^400 InvalidTemplate: /)
    expect(await refusal(work)).toMatch(expected)
  })
  it('cannot double their way to a value that fills the memory', async () => {
    const text: Record<string, string> = { v0: 'xxxxxxxxxx' }
    const list: Record<string, string> = { v0: '[createArray(1, 2)]' }
    for (let index = 1; index < 60; index += 1) {
      const before = `variables('v${index - 1}')`
      text[`v${index}`] = `[concat(${before}, ${before})]`
      list[`v${index}`] = `[createArray(${before}, ${before})]`
    }
    for (const variables of [text, list]) {
      const started = performance.now()
      expect(await refusal(validate(body(template({ variables }))))).toMatch(
        /too large|more than a deployment may/,
      )
      expect(performance.now() - started).toBeLessThan(5_000)
    }
  })
})

describe('the graph', () => {
  it('puts a resource after what it depends on, by id, by name and by reference()', async () => {
    const done = await deploy(
      body(
        template({
          resources: [
            box('box3', { dependsOn: ["[resourceId('Toy.Room/boxes', 'box2')]"] }),
            box('box2', { properties: { size: "[reference('box1').size]" } }),
            box('box1', { properties: { size: 5 } }),
            box('box4', { dependsOn: ['box3'] }),
          ],
          outputs: {
            size: { type: 'int', value: "[reference('box2', '2024-01-01', 'Full').properties.size]" },
          },
        }),
      ),
    )
    expect(done).toMatchObject({
      provisioningState: 'Succeeded',
      outputs: { size: { type: 'Int', value: 5 } },
    })
    expect(seen.filter((line) => line.startsWith('write'))).toEqual(
      ['box1', 'box2', 'box3', 'box4'].map((name) => `write ${name}`),
    )
  })
  it('refuses circles, strangers and doubles', async () => {
    const circle = [box('a1', { dependsOn: ['b1'] }), box('b1', { dependsOn: ['a1'] })]
    expect(await refusal(validate(body(template({ resources: circle }))))).toMatch(/Circular dependency/)
    const stranger = [box('a1', { dependsOn: ['nobody'] })]
    expect(await refusal(validate(body(template({ resources: stranger }))))).toMatch(
      /not defined in the template/,
    )
    expect(await refusal(validate(body(template({ resources: [box('a1'), box('A1')] }))))).toMatch(
      /multiple times/,
    )
  })
  it('leaves out what its condition rules out', async () => {
    const resources = [
      box('box1', { condition: "[equals('a', 'b')]" }),
      box('box2', { dependsOn: ['box1'], condition: true }),
    ]
    expect((await deploy(body(template({ resources }))))['outputResources']).toHaveLength(1)
  })
  it('puts nested resources after the one they stand in', async () => {
    const lock = { type: 'locks', apiVersion: '2024-01-01', name: 'l1', properties: {} }
    const done = await deploy(body(template({ resources: [box('box1', { resources: [lock] })] })))
    expect(done['provisioningState']).toBe('Succeeded')
    expect((await bench.store.findById(idOf('Toy.Room/boxes/box1/locks/l1').id))?.type).toBe(
      'Toy.Room/boxes/locks',
    )
  })
  it('runs nothing that waits for what failed, and tells why that failed', async () => {
    const resources = [box('box1', { properties: { size: 'wide' } }), box('box2', { dependsOn: ['box1'] })]
    const done = await deploy(body(template({ resources })))
    expect(done['error']).toMatchObject({ code: 'DeploymentFailed', details: [{ code: 'SizeInvalid' }] })
    expect(seen).not.toContain('write box2')
  })
})

describe('rights and lives of deployments', () => {
  it('makes nothing of a template of which the caller may not make all', async () => {
    const maker = (await bench.signIn(READER)).caller
    const scope = `/subscriptions/${bench.subscriptionId}/resourceGroups/rg1`
    await bench.access.grant({
      scope: `${scope}/providers/Microsoft.Resources/deployments/d1`,
      roleId: CONTRIBUTOR,
      principalId: maker.principalId,
    })
    const sent = body(template({ resources: [box('box1')] }))
    expect(await refusal(bench.deployments.begin(bench.call(maker), nameOf(), sent))).toMatch(
      /^403 InvalidTemplateDeployment: .*Toy\.Room\/boxes\/write/,
    )
    expect(seen).toEqual([])
    const reader = (await bench.signIn(READER)).caller
    expect(await refusal(bench.deployments.begin(bench.call(reader), nameOf(), sent))).toBe('denied')
  })
  it('outlive a restart, and one that was running has failed', async () => {
    await deploy(body(template({ resources: [box('box1')] })))
    await bench.records.write((db) => db.updateTable('deployments').set({ state: 'running' }).execute())
    await bench.stop()
    bench = await openEngineBench(vaultAndRegistry, bench)
    const { deployment } = await bench.deployments.get(bench.call(owner), nameOf())
    expect(deployment['properties']).toMatchObject({
      provisioningState: 'Failed',
      error: { code: 'DeploymentInterrupted' },
    })
  })
  it('cannot be begun twice at a time, and go with their group', async () => {
    const sent = body(template({ resources: [box('box1')] }))
    const both = await Promise.all([
      refusal(bench.deployments.begin(bench.call(owner), nameOf(), sent)),
      refusal(bench.deployments.begin(bench.call(owner), nameOf(), sent)),
    ])
    expect(both.toSorted()[1]).toBe('ok')
    expect(both.toSorted()[0]).toMatch(/^409 DeploymentActive/)
    await deploy(sent, owner, 'd2')
    const group = { subscriptionId: bench.subscriptionId, resourceGroup: 'rg1' }
    const id = await bench.resources.deleteGroup(bench.call(owner), group)
    for (;;) {
      const status = await bench.resources.getOperation(owner, { subscriptionId: bench.subscriptionId, id })
      if (status.state !== 'Running') break
      await new Promise((resolve) => setTimeout(resolve, 5))
    }
    expect(await bench.records.read.selectFrom('deployments').selectAll().execute()).toEqual([])
  })
  it('refuse unknown types before anything is made', async () => {
    const resources = [box('box1'), { type: 'No.Such/things', apiVersion: '2024-01-01', name: 'x' }]
    expect(await refusal(validate(body(template({ resources }))))).toMatch(/^400 InvalidResourceNamespace/)
  })
})
