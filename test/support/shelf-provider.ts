import type { JsonObject } from '../../src/kernel/json.ts'
import type { ElsewherePlace, ResourceProvider, ResourceType } from '../../src/services/resources/provider.ts'

/**
 * `Toy.Shop/shelves` and what is on them, for tests: `drawers` are settings of their shelf, `drawers/things` are in a store of
 * their own, `tags` are rows that stay as long as their shelf. Of these none but shelves are resources in their own right.
 */
export function shelfProvider(things: Map<string, JsonObject> = new Map()): ResourceProvider {
  const apiVersions = ['2024-01-01']
  const child = {
    apiVersions,
    globalName: false,
    isProxy: true,
    identities: 'none',
    checkName: () => null,
  } as const
  const shelves: ResourceType = {
    apiVersions,
    type: 'Toy.Shop/shelves',
    globalName: false,
    createdStatus: 200,
    identities: 'system-and-one-user',
    checkName: () => null,
    put: ({ properties, existing }) =>
      Promise.resolve({ properties: { ...existing?.properties, ...properties } }),
    patch: ({ properties, existing }) =>
      Promise.resolve({ properties: { ...existing?.properties, ...properties } }),
    present: ({ properties }) => Promise.resolve({ properties }),
  }
  const drawers: ResourceType = {
    ...child,
    type: 'Toy.Shop/shelves/drawers',
    put: ({ properties }) =>
      Promise.resolve({ properties, changeParent: (shelf) => ({ ...shelf, drawer: properties }) }),
    elsewhere: {
      find: ({ owner, names }) =>
        Promise.resolve(names[0] === 'top' ? { drawer: owner.properties['drawer'] ?? null } : null),
      list: ({ owner }) =>
        Promise.resolve({
          items: [{ name: 'top', properties: { drawer: owner.properties['drawer'] ?? null } }],
          next: null,
        }),
    },
    present: ({ properties }) => Promise.resolve({ properties }),
  }
  return {
    namespace: 'Toy.Shop',
    types: [shelves, drawers, thingType(child, things), tagType(child)],
    scopeActions: [],
  }
}

type Child = Pick<ResourceType, 'apiVersions' | 'globalName' | 'identities' | 'checkName'> & {
  readonly isProxy: true
}

function thingType(child: Child, things: Map<string, JsonObject>): ResourceType {
  const keyOf = ({ owner, names }: ElsewherePlace) => [owner.name, ...names].join('/').toLowerCase()
  const keyOfId = (id: string) => {
    const segments = id.split('/')
    return [segments.at(-5), segments.at(-3), segments.at(-1)].join('/').toLowerCase()
  }
  return {
    ...child,
    type: 'Toy.Shop/shelves/drawers/things',
    put({ resource, properties }) {
      things.set(keyOfId(resource.id), properties)
      return Promise.resolve({ properties })
    },
    delete({ resource }) {
      things.delete(keyOfId(resource.id))
      return Promise.resolve()
    },
    elsewhere: {
      find: (place) => Promise.resolve(things.get(keyOf(place)) ?? null),
      list(place, { after, limit, query }) {
        const prefix = `${keyOf(place)}/${query.get('$filter') ?? ''}`
        const names = [...things.keys()].filter((key) => key.startsWith(prefix)).sort()
        const from = after === null ? 0 : names.indexOf(after)
        const items = names.slice(from, from + limit).map((key) => ({
          name: key.slice(key.lastIndexOf('/') + 1),
          properties: things.get(key) ?? {},
        }))
        return Promise.resolve({ items, next: names[from + limit] ?? null })
      },
    },
    present: ({ properties }) => Promise.resolve({ properties, extra: 'beside' }),
    actions: {
      shake: {
        method: 'POST',
        needs: 'Toy.Shop/shelves/drawers/things/shake/action',
        run: ({ resource }) => Promise.resolve({ status: 200, body: resource.properties }),
      },
    },
  }
}

function tagType(child: Child): ResourceType {
  return {
    ...child,
    type: 'Toy.Shop/shelves/tags',
    isPermanent: true,
    put: ({ properties }) => Promise.resolve({ properties }),
    present: ({ properties }) => Promise.resolve({ properties }),
  }
}
