import { type JsonObject, member } from '../../src/kernel/json.ts'
import { refused } from '../../src/services/resources/faults.ts'
import type { ResourceProvider, ResourceType, WriteCall } from '../../src/services/resources/provider.ts'

/**
 * `Toy.Room/boxes` and `Toy.Room/boxes/locks`: a provider for tests. A box keeps its properties, refuses the name of a
 * `size` that is not a number, and has a global name; `boxes/labels` only changes its parent.
 */
export function toyProvider(seen: string[] = []): ResourceProvider {
  return {
    namespace: 'Toy.Room',
    types: [boxes(seen), locks(), labels()],
    scopeActions: [
      {
        method: 'POST',
        path: 'checkNameAvailability',
        needs: 'Toy.Room/checkNameAvailability/read',
        run: (call) => Promise.resolve({ status: 200, body: { sent: call.body ?? null } }),
      },
      {
        method: 'POST',
        path: 'locations/{location}/lostBoxes/{name}/purge',
        needs: 'Toy.Room/locations/lostBoxes/purge/action',
        run: () => Promise.resolve({ status: 202 }),
      },
    ],
  }
}

function boxes(seen: string[]): ResourceType {
  const write = (call: WriteCall) => {
    seen.push(`write ${call.resource.name}`)
    const size = member(call.properties, 'size')
    if (size !== undefined && typeof size !== 'number') throw refused(400, 'SizeInvalid', 'No such size.')
    const properties: JsonObject = { ...call.existing?.properties, ...call.properties }
    return Promise.resolve({ properties })
  }
  return {
    type: 'Toy.Room/boxes',
    apiVersions: ['2024-01-01'],
    globalName: true,
    identities: 'system-and-user',
    checkName: (name) =>
      /^[a-z][a-z0-9]+$/i.test(name) ? null : { code: 'BoxNameInvalid', message: 'No name for a box.' },
    put: write,
    patch: write,
    delete: ({ resource }) => {
      seen.push(`delete ${resource.name}`)
      if (resource.properties['glued'] === true) throw refused(409, 'BoxGlued', 'It is glued.')
      return Promise.resolve()
    },
    committed: (resource, change) => void seen.push(`${change} ${resource.name}`),
    present: (resource) =>
      Promise.resolve({ properties: { provisioningState: 'Succeeded', ...resource.properties } }),
    actions: {
      shake: {
        method: 'POST',
        needs: 'Toy.Room/boxes/shake/action',
        run: (call) => Promise.resolve({ status: 200, body: { shaken: call.resource.name } }),
      },
    },
  }
}

function locks(): ResourceType {
  return {
    type: 'Toy.Room/boxes/locks',
    apiVersions: ['2024-01-01'],
    globalName: false,
    identities: 'none',
    checkName: () => null,
    put: (call) => Promise.resolve({ properties: call.properties }),
    present: (resource) => Promise.resolve({ properties: resource.properties }),
  }
}

function labels(): ResourceType {
  return {
    type: 'Toy.Room/boxes/labels',
    apiVersions: ['2024-01-01'],
    globalName: false,
    identities: 'none',
    checkName: () => null,
    put: (call) =>
      Promise.resolve({
        properties: call.properties,
        changeParent: (properties) => ({ ...properties, ...call.properties }),
      }),
    present: (resource) => Promise.resolve({ properties: resource.properties }),
  }
}
