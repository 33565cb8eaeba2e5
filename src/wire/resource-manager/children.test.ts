import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type ArmBench, errorOf, openArmBench } from '../../../test/support/arm-bench.ts'
import { OWNER, READER } from '../../../test/support/engine-bench.ts'
import { shelfProvider } from '../../../test/support/shelf-provider.ts'
import { parseGuid } from '../../kernel/guid.ts'
import type { JsonObject } from '../../kernel/json.ts'

let bench: ArmBench
let things: Map<string, JsonObject>
let group: string
let shelf: string

beforeEach(async () => {
  things = new Map()
  bench = await openArmBench(() => [shelfProvider(things)])
  group = `/subscriptions/${bench.subscriptionId}/resourceGroups/rg1`
  shelf = `${group}/providers/Toy.Shop/shelves/shelf1`
  await bench.ask('PUT', group, { body: { location: 'eastus' } })
  await bench.ask('PUT', shelf, { body: { properties: { wood: 'oak' } } })
})
afterEach(async () => {
  expect(bench.bugs).toEqual([])
  await bench[Symbol.asyncDispose]()
})

const put = (path: string, properties: JsonObject = {}) => bench.ask('PUT', path, { body: { properties } })
const valueOf = ({ body }: { readonly body: JsonObject }) => body['value'] as readonly JsonObject[]

it('a type may answer 200 where it made one', async () => {
  expect((await put(`${group}/providers/Toy.Shop/shelves/shelf2`)).status).toBe(200)
})

describe('children that have no rows of their own', () => {
  it('are made, read, changed and deleted where they are', async () => {
    const thing = `${shelf}/drawers/top/things/ball`
    expect((await bench.ask('GET', thing)).status).toBe(404)
    expect(await put(thing, { colour: 'red' })).toMatchObject({
      status: 201,
      body: {
        id: thing,
        name: 'ball',
        type: 'Toy.Shop/shelves/drawers/things',
        properties: { colour: 'red' },
      },
    })
    const changed = await put(thing, { colour: 'blue' })
    expect(changed.status).toBe(200)
    expect(Object.keys(changed.body).sort()).toEqual(['extra', 'id', 'name', 'properties', 'type'])
    expect(
      await bench.ask('GET', thing.toUpperCase().replace('/SUBSCRIPTIONS', '/subscriptions')),
    ).toMatchObject({
      status: 200,
      body: { properties: { colour: 'blue' }, extra: 'beside' },
    })
    expect(await bench.ask('POST', `${thing}/shake`)).toMatchObject({ status: 200, body: { colour: 'blue' } })
    expect((await bench.ask('DELETE', thing)).status).toBe(200)
    expect((await bench.ask('DELETE', thing)).status).toBe(204)
    expect(things.size).toBe(0)
    expect(await bench.store.findById(thing)).toBeNull()
  })

  it('are settings of their parent, which loses nothing of what it had', async () => {
    expect((await put(`${shelf}/drawers/top`, { depth: 3 })).status).toBe(200)
    expect((await bench.ask('GET', `${shelf}/drawers/top`)).body).toMatchObject({
      properties: { drawer: { depth: 3 } },
    })
    expect(valueOf(await bench.ask('GET', `${shelf}/drawers`)).map(({ name }) => name)).toEqual(['top'])
    expect((await bench.ask('GET', shelf)).body).toMatchObject({
      properties: { wood: 'oak', drawer: { depth: 3 } },
    })
  })

  it('are listed below their parent a page at a time, with what the query says', async () => {
    for (const name of ['ant', 'bee', 'cat', 'cow']) await put(`${shelf}/drawers/top/things/${name}`)
    const first = await bench.ask('GET', `${shelf}/drawers/top/things?$maxpagesize=3`)
    expect(valueOf(first).map(({ name }) => name)).toEqual(['ant', 'bee', 'cat'])
    const next = new URL(first.body['nextLink'] as string)
    expect(valueOf(await bench.ask('GET', next.pathname + next.search)).map(({ id }) => id)).toEqual([
      `${shelf}/drawers/top/things/cow`,
    ])
    const filtered = await bench.ask('GET', `${shelf}/drawers/top/things?$filter=c`)
    expect(valueOf(filtered).map(({ name }) => name)).toEqual(['cat', 'cow'])
  })

  it('need what is around them', async () => {
    const nowhere = `${group}/providers/Toy.Shop/shelves/none`
    expect(errorOf(await put(`${nowhere}/drawers/top/things/ball`))).toBe('404 ParentResourceNotFound')
    expect(errorOf(await put(`${shelf}/drawers/bottom/things/ball`))).toBe('404 ParentResourceNotFound')
    expect(errorOf(await bench.ask('GET', `${nowhere}/drawers/top/things`))).toBe('404 ResourceNotFound')
    expect(errorOf(await bench.ask('GET', `${shelf}/drawers/bottom/things`))).toBe('404 ResourceNotFound')
    expect(errorOf(await bench.ask('DELETE', `${shelf}/drawers/top`))).toBe('405 MethodNotAllowed')
    expect(errorOf(await bench.ask('PATCH', `${shelf}/drawers/top/things/ball`, { body: {} }))).toBe(
      '405 MethodNotAllowed',
    )
  })

  it('take the rights of their own type, and leave a trace', async () => {
    await put(`${shelf}/drawers/top/things/ball`)
    const reader = await bench.signIn(READER)
    const stranger = await bench.signIn(null)
    const as = async (login: typeof reader, method: string, path: string) =>
      (
        await bench.ask(method, path, {
          token: await bench.tokenOf(login),
          ...(method === 'PUT' ? { body: {} } : {}),
        })
      ).status
    const thing = `${shelf}/drawers/top/things/ball`
    expect(await as(reader, 'GET', thing)).toBe(200)
    expect(await as(reader, 'GET', `${shelf}/drawers/top/things`)).toBe(200)
    for (const method of ['PUT', 'DELETE']) expect(await as(reader, method, thing)).toBe(403)
    for (const path of [thing, `${shelf}/drawers/top/things`])
      expect(await as(stranger, 'GET', path)).toBe(403)
    // On the drawer alone, without any right to the shelf.
    const roleId = parseGuid(OWNER)
    if (roleId === null) throw new Error('no role')
    const { principalId } = stranger.caller
    await bench.access.grant({ scope: `${shelf}/drawers/top`, roleId, principalId })
    expect(await as(stranger, 'GET', `${shelf}/drawers/top/things`)).toBe(200)
    expect(await as(stranger, 'PUT', thing)).toBe(200)
    expect(await as(stranger, 'GET', shelf)).toBe(403)
    const { items } = await bench.activity.listEvents(
      bench.owner,
      { subscriptionId: bench.subscriptionId, scope: thing, from: new Date(0), to: bench.bench.now },
      { after: null, limit: 20 },
    )
    const told = items.map((event) => (event['status'] as JsonObject)['value'])
    expect(told.filter((status) => status === 'Failed')).toHaveLength(2)
  })
})

describe('proxies', () => {
  it('have no location, tags or authors, and stand in no list but their parent’s', async () => {
    const { body } = await put(`${shelf}/tags/red`, { a: 1 })
    expect(Object.keys(body).sort()).toEqual(['id', 'name', 'properties', 'type'])
    const listed = valueOf(await bench.ask('GET', `${group}/resources`)).map(({ type }) => type)
    expect(listed).toEqual(['Toy.Shop/shelves'])
    expect(valueOf(await bench.ask('GET', `${shelf}/tags`)).map(({ name }) => name)).toEqual(['red'])
  })

  it('that are permanent go with their parent only', async () => {
    await put(`${shelf}/tags/red`)
    expect(errorOf(await bench.ask('DELETE', `${shelf}/tags/red`))).toBe('405 MethodNotAllowed')
    expect((await bench.ask('GET', `${shelf}/tags/red`)).status).toBe(200)
    await bench.ask('DELETE', shelf)
    await put(shelf)
    expect((await bench.ask('GET', `${shelf}/tags/red`)).status).toBe(404)
  })
})

it('a type may take one user-assigned identity and no more', async () => {
  const identity = (name: string) =>
    `${group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/${name}`
  for (const name of ['id-a', 'id-b'])
    await bench.ask('PUT', identity(name), { body: { location: 'eastus' } })
  const attach = (map: JsonObject) =>
    bench.ask('PATCH', shelf, { body: { identity: { type: 'UserAssigned', userAssignedIdentities: map } } })
  expect((await attach({ [identity('id-a')]: {} })).status).toBe(200)
  expect(errorOf(await attach({ [identity('id-b')]: {} }))).toBe('400 InvalidIdentityValues')
  expect((await attach({ [identity('id-b')]: {}, [identity('id-a')]: null })).status).toBe(200)
})
