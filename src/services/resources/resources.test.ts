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
import { refusalOf } from './faults.ts'
import { type ResourceId, parseResourceId } from './resource-id.ts'

let bench: EngineBench
let seen: string[]
let owner: Caller

beforeEach(async () => {
  seen = []
  bench = await openEngineBench(() => [toyProvider(seen)])
  owner = (await bench.signIn(OWNER)).caller
  await putGroup('rg1')
})
afterEach(async () => {
  expect(bench.bugs).toEqual([])
  await bench[Symbol.asyncDispose]()
})

function idOf(path: string): ResourceId {
  const id = parseResourceId(`/subscriptions/${bench.subscriptionId}/resourcegroups/${path}`)
  if (id === null) throw new Error(path)
  return id
}
const box = (name = 'box1') => idOf(`rg1/providers/Toy.Room/boxes/${name}`)
const identity = (name = 'id1') =>
  idOf(`rg1/providers/Microsoft.ManagedIdentity/userAssignedIdentities/${name}`)

async function putGroup(resourceGroup: string, body: JsonObject = { location: 'koreacentral' }) {
  const request = { subscriptionId: bench.subscriptionId, resourceGroup, body }
  return await bench.resources.putGroup(bench.call(owner), request)
}
async function put(id: ResourceId, body: JsonObject = {}, caller = owner) {
  return await bench.resources.write(bench.call(caller), { id, body, isPatch: false })
}
async function patch(id: ResourceId, body: JsonObject, caller = owner) {
  return await bench.resources.write(bench.call(caller), { id, body, isPatch: true })
}
async function shown(id: ResourceId): Promise<JsonObject> {
  return await bench.resources.present(await bench.resources.get(bench.call(owner), id), '2024-01-01')
}
async function code(work: Promise<unknown>): Promise<string> {
  try {
    await work
  } catch (error) {
    const refusal = refusalOf(error)
    if (refusal !== null) return `${refusal.status} ${refusal.code}`
    if (error instanceof Error && 'code' in error) return String(error.code)
    throw error
  }
  return 'ok'
}
/** Polls a group's deletion to its end. */
async function deleted(resourceGroup: string) {
  const { subscriptionId } = bench
  const id = await bench.resources.deleteGroup(bench.call(owner), { subscriptionId, resourceGroup })
  for (;;) {
    const status = await bench.resources.getOperation(owner, { subscriptionId, id })
    if (status.state !== 'Running') return status
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

describe('names, places and tags', () => {
  it('finds a resource in any letter case and shows it as it was named', async () => {
    await put(box('Box1'))
    const loud = parseResourceId(box('BOX1').id.toUpperCase())
    if (loud === null) throw new Error('no id')
    const found = await shown(loud)
    expect(found['id']).toBe(
      `/subscriptions/${bench.subscriptionId}/resourceGroups/rg1/providers/Toy.Room/boxes/Box1`,
    )
    expect(found['type']).toBe('Toy.Room/boxes')
  })
  it('places a resource where its group is when the body names no location', async () => {
    const { resource } = await put(box())
    expect(resource.location).toBe('koreacentral')
  })
  it('takes East US and eastus for one location and refuses to move a resource', async () => {
    await put(box(), { location: 'East US' })
    expect(await code(put(box(), { location: 'eastus' }))).toBe('ok')
    expect(await code(put(box(), { location: 'westus' }))).toBe('409 InvalidResourceLocation')
  })
  it('replaces tags on PUT and keeps them on a PATCH that names none', async () => {
    await put(box(), { tags: { a: '1' } })
    await patch(box(), { properties: { size: 3 } })
    expect((await shown(box()))['tags']).toEqual({ a: '1' })
    await put(box())
    expect((await shown(box()))['tags']).toEqual({})
  })
  it('refuses 51 tags, reserved characters and values that are too long', async () => {
    const many = Object.fromEntries(Array.from({ length: 51 }, (_, index) => [`t${index}`, '']))
    expect(await code(put(box(), { tags: many }))).toBe('400 TooManyTags')
    expect(await code(put(box(), { tags: { 'a/b': '' } }))).toBe('400 InvalidTagNameCharacters')
    expect(await code(put(box(), { tags: { a: 'x'.repeat(257) } }))).toBe('400 InvalidTagValueLength')
    expect(await code(put(box(), { tags: { a: 1 } }))).toBe('400 InvalidRequestContent')
  })
  it('asks the type about the name', async () => {
    expect(await code(put(box('1box')))).toBe('400 BoxNameInvalid')
  })
  it('gives a global name once, whatever the group', async () => {
    await putGroup('rg2')
    await put(box())
    expect(await code(put(idOf('rg2/providers/Toy.Room/boxes/BOX1')))).toBe('409 NameNotAvailable')
  })
  it('tells unknown namespaces, types and groups apart', async () => {
    expect(await code(put(idOf('rg1/providers/Toy.None/boxes/b')))).toBe('404 InvalidResourceNamespace')
    expect(await code(put(idOf('rg1/providers/Toy.Room/chairs/b')))).toBe('404 InvalidResourceType')
    expect(await code(put(idOf('rg9/providers/Toy.Room/boxes/b1')))).toBe('404 ResourceGroupNotFound')
    expect(await code(bench.resources.get(bench.call(owner), box()))).toBe('404 ResourceNotFound')
  })
  it('keeps systemData: who made it and who changed it last', async () => {
    await put(box())
    const other = (await bench.signIn(CONTRIBUTOR)).caller
    bench.bench.now = new Date('2026-06-02T00:00:00.000Z')
    await patch(box(), { properties: { size: 4 } }, other)
    expect((await shown(box()))['systemData']).toEqual({
      createdBy: owner.principalId,
      createdByType: 'Application',
      createdAt: '2026-06-01T12:00:00.2500000Z',
      lastModifiedBy: other.principalId,
      lastModifiedByType: 'Application',
      lastModifiedAt: '2026-06-02T00:00:00.0000000Z',
    })
  })
})

describe('nested resources', () => {
  it('need their parent and go with it', async () => {
    const lock = idOf('rg1/providers/Toy.Room/boxes/box1/locks/l1')
    expect(await code(put(lock))).toBe('404 ParentResourceNotFound')
    await put(box())
    await put(lock)
    await bench.resources.delete(bench.call(owner), box())
    expect(await code(bench.resources.get(bench.call(owner), lock))).toBe('404 ResourceNotFound')
  })
  it('that only change their parent leave no row, and lose nothing that is written meanwhile', async () => {
    await put(box(), { properties: { size: 1 } })
    const label = (name: string) => idOf(`rg1/providers/Toy.Room/boxes/box1/labels/${name}`)
    await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        put(label(`l${index}`), { properties: { [`p${index}`]: index } }),
      ),
    )
    const { properties } = await bench.resources.get(bench.call(owner), box())
    expect(Object.keys(properties)).toHaveLength(21)
    expect(await code(bench.resources.get(bench.call(owner), label('l1')))).toBe('404 ResourceNotFound')
    expect(seen.filter((line) => line === 'put box1')).toHaveLength(21)
  })
})

describe('identities', () => {
  it('gives a user-assigned identity the same principal on every PUT', async () => {
    await put(identity())
    const first = await shown(identity())
    await put(identity(), { tags: { a: 'b' } })
    const again = await shown(identity())
    expect(again['properties']).toEqual(first['properties'])
    expect(Object.keys(again['properties'] as JsonObject).toSorted()).toEqual([
      'clientId',
      'clientSecretUrl',
      'principalId',
      'tenantId',
    ])
  })
  it('deletes the principal with the identity, and makes another one later', async () => {
    await put(identity())
    const before = await bench.resources.get(bench.call(owner), identity())
    await bench.resources.delete(bench.call(owner), identity())
    await put(identity())
    const after = await bench.resources.get(bench.call(owner), identity())
    expect(after.properties['principalId']).not.toBe(before.properties['principalId'])
  })
  it('attaches by id in any letter case and never reads ids that clients echo', async () => {
    await put(identity())
    const echoed = { principalId: 'x', clientId: 'y' }
    await put(box(), {
      identity: { type: 'userassigned', userAssignedIdentities: { [identity().id.toUpperCase()]: echoed } },
    })
    const made = await bench.resources.get(bench.call(owner), identity())
    expect((await shown(box()))['identity']).toEqual({
      type: 'UserAssigned',
      userAssignedIdentities: {
        [identity().id]: {
          principalId: made.properties['principalId'],
          clientId: made.properties['clientId'],
        },
      },
    })
  })
  it('refuses what is no identity or does not exist', async () => {
    const attach = (id: string) => ({
      identity: { type: 'UserAssigned', userAssignedIdentities: { [id]: {} } },
    })
    expect(await code(put(box(), attach(identity('none').id)))).toBe('400 FailedIdentityOperation')
    expect(await code(put(box(), attach(box().id)))).toBe('400 LinkedInvalidPropertyId')
    expect(await code(put(box(), { identity: { type: 'UserAssigned' } }))).toBe('400 InvalidIdentityValues')
    expect(await code(put(box(), { identity: { type: 'None, UserAssigned' } }))).toBe(
      '400 InvalidIdentityType',
    )
  })
  it('needs the right to assign an identity, not only to write the resource', async () => {
    await put(identity())
    const maker = (await bench.signIn(CONTRIBUTOR, box().id)).caller
    const body = { identity: { type: 'UserAssigned', userAssignedIdentities: { [identity().id]: {} } } }
    expect(await code(put(box(), body, maker))).toBe('403 LinkedAuthorizationFailed')
    await bench.access.grant({ scope: identity().id, roleId: CONTRIBUTOR, principalId: maker.principalId })
    expect(await code(put(box(), body, maker))).toBe('ok')
  })
  it('adds on PATCH, and detaches what the PATCH sets to null', async () => {
    await put(identity())
    await put(identity('id2'))
    await put(box(), { identity: { type: 'UserAssigned', userAssignedIdentities: { [identity().id]: {} } } })
    await patch(box(), {
      identity: {
        type: 'SystemAssigned, UserAssigned',
        userAssignedIdentities: { [identity('id2').id]: {} },
      },
    })
    expect((await bench.resources.get(bench.call(owner), box())).identity?.user).toHaveLength(2)
    await patch(box(), {
      identity: {
        type: 'SystemAssigned, UserAssigned',
        userAssignedIdentities: { [identity().id.toLowerCase()]: null },
      },
    })
    const left = (await bench.resources.get(bench.call(owner), box())).identity
    expect(left?.user.map(({ resourceId }) => resourceId)).toEqual([identity('id2').id])
    expect(left?.system).not.toBeNull()
  })
  it('lets the system-assigned identity live and die with its resource', async () => {
    await put(box(), { identity: { type: 'SystemAssigned' } })
    const made = (await bench.resources.get(bench.call(owner), box())).identity?.system
    if (made == null) throw new Error('no identity')
    const exists = async () =>
      (await bench.directory.findPrincipal({ principalId: made.principalId })) !== null
    expect(await exists()).toBe(true)
    await put(box(), { properties: { size: 2 } })
    expect((await bench.resources.get(bench.call(owner), box())).identity?.system).toEqual(made)
    await patch(box(), { identity: { type: 'None' } })
    expect(await exists()).toBe(false)
  })
  it('takes back the system-assigned identity of a write that the provider refused', async () => {
    const body = { identity: { type: 'SystemAssigned' }, properties: { size: 'wide' } }
    expect(await code(put(box(), body))).toBe('400 SizeInvalid')
    expect(await bench.directory.findPrincipal({ resourceId: box().id })).toBeNull()
  })
})

describe('rights', () => {
  it('refuses before it tells what exists', async () => {
    await put(box())
    const stranger = (await bench.signIn(null)).caller
    expect(await code(bench.resources.get(bench.call(stranger), box()))).toBe('denied')
    expect(await code(bench.resources.get(bench.call(stranger), box('nothere')))).toBe('denied')
    expect(await code(put(box(), {}, stranger))).toBe('denied')
    expect(await code(bench.resources.delete(bench.call(stranger), box()))).toBe('denied')
    expect(await bench.resources.listSubscriptions(stranger)).toEqual([])
  })
  it('lets a reader read and nothing else', async () => {
    await put(box())
    const reader = (await bench.signIn(READER)).caller
    expect(await code(bench.resources.get(bench.call(reader), box()))).toBe('ok')
    expect(await code(patch(box(), {}, reader))).toBe('denied')
    expect(await code(bench.resources.delete(bench.call(reader), box()))).toBe('denied')
  })
  it('shows a role on one resource that resource, and its subscription', async () => {
    await put(box())
    await put(box('box2'))
    const reader = (await bench.signIn(READER, box().id)).caller
    const { subscriptionId } = bench
    const page = { after: null, limit: 10 }
    const list = await bench.resources.list(bench.call(reader), {
      subscriptionId,
      resourceGroup: 'rg1',
      ...page,
    })
    expect(list.items.map(({ name }) => name)).toEqual(['box1'])
    expect(await bench.resources.listSubscriptions(reader)).toHaveLength(1)
  })
  it('forgets the grants on a resource with it', async () => {
    await put(box())
    const reader = (await bench.signIn(READER, box().id)).caller
    await bench.resources.delete(bench.call(owner), box())
    await put(box())
    expect(await code(bench.resources.get(bench.call(reader), box()))).toBe('denied')
  })
  it('finds no subscription of another tenant', async () => {
    const foreign = {
      ...owner,
      tenantId: (await bench.directory.createTenant({ displayName: 'F' })).tenantId,
    }
    expect(await code(bench.resources.get(bench.call(foreign), box()))).toBe('404 SubscriptionNotFound')
  })
})

describe('resource groups', () => {
  it('take their contents along, dependents first', async () => {
    await put(identity())
    await put(box(), { identity: { type: 'UserAssigned', userAssignedIdentities: { [identity().id]: {} } } })
    await put(idOf('rg1/providers/Toy.Room/boxes/box1/locks/l1'))
    expect(await deleted('RG1')).toMatchObject({ state: 'Succeeded' })
    const { subscriptionId } = bench
    const left = await bench.store.list({ subscriptionId }, { after: null, limit: 10 })
    expect(left.items).toEqual([])
    expect(
      await code(bench.resources.getGroup(bench.call(owner), { subscriptionId, resourceGroup: 'rg1' })),
    ).toBe('404 ResourceGroupNotFound')
  })
  it('stay, with what refuses to go, and say why', async () => {
    await put(box(), { properties: { glued: true } })
    await put(box('box2'))
    expect(await deleted('rg1')).toMatchObject({ state: 'Failed', error: { code: 'BoxGlued' } })
    expect(await code(put(box('box3')))).toBe('ok')
  })
  it('take no more resources while they are being deleted', async () => {
    await bench.store.groups.setState(bench.subscriptionId, 'rg1', 'deleting')
    expect(await code(put(box()))).toBe('409 ResourceGroupBeingDeleted')
    expect(await code(putGroup('rg1'))).toBe('409 ResourceGroupBeingDeleted')
  })
  it('need a location once and keep it', async () => {
    expect(await code(putGroup('rg2', {}))).toBe('400 LocationRequired')
    expect(await code(putGroup('rg1', {}))).toBe('ok')
    expect(await code(putGroup('rg1', { location: 'westus' }))).toBe('409 InvalidResourceGroupLocation')
    expect(await code(putGroup('rg.', { location: 'westus' }))).toBe('400 InvalidResourceGroup')
  })
})

describe('the records', () => {
  it('hold neither tags nor properties in clear', async () => {
    await put(box(), { tags: { canary: 'c4n4ry' }, properties: { secret: 'c4n4ry' } })
    const row = await bench.records.read.selectFrom('resources').selectAll().executeTakeFirstOrThrow()
    expect(JSON.stringify({ ...row, sealed: Buffer.from(row.sealed).toString('latin1') })).not.toContain(
      'c4n4ry',
    )
  })
  it('open no row whose name was changed behind our back', async () => {
    await put(box())
    await bench.records.write((db) =>
      db.updateTable('resources').set({ global_key: 'toy.room/boxes/other' }).execute(),
    )
    await expect(bench.store.findByGlobalName('Toy.Room/boxes', 'other')).rejects.toThrow('seal-broken')
  })
  it('keep everything over a restart, and fail what was running', async () => {
    await put(box(), { properties: { size: 7 } })
    await bench.store.operations.save({
      id: 'op1',
      state: 'running',
      document: { subscriptionId: bench.subscriptionId, startedBy: owner.principalId, state: 'Running' },
    })
    await bench.stop()
    bench = await openEngineBench(() => [toyProvider(seen)], bench)
    expect((await bench.resources.get(bench.call(owner), box())).properties).toEqual({ size: 7 })
    const { subscriptionId } = bench
    expect(await bench.resources.getOperation(owner, { subscriptionId, id: 'op1' })).toMatchObject({
      state: 'Failed',
      error: { code: 'OperationInterrupted' },
    })
  })
})

describe('the activity log', () => {
  it('names who wrote what, and what was refused', async () => {
    await put(box())
    const reader = (await bench.signIn(READER)).caller
    await code(put(box(), {}, reader))
    const { subscriptionId } = bench
    const { items } = await bench.activity.listEvents(
      owner,
      { subscriptionId, scope: box().id, from: new Date(0), to: bench.bench.now },
      { after: null, limit: 10 },
    )
    const told = items.map((event) => [
      (event['operationName'] as JsonObject)['value'],
      (event['status'] as JsonObject)['value'],
      event['caller'],
    ])
    expect(told).toContainEqual(['Toy.Room/boxes/write', 'Succeeded', owner.principalId])
    expect(told).toContainEqual(['Toy.Room/boxes/write', 'Failed', reader.principalId])
  })
})
