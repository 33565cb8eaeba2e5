import { type ResourceFault, refused } from './faults.ts'
import type { ResourceAction, ResourceProvider, ResourceType } from './provider.ts'
import { type ResourceId, parseResourceId } from './resource-id.ts'

/** Namespaces and types of all providers, found in any letter case. */
export interface TypeTable {
  readonly providers: readonly ResourceProvider[]
  findProvider(namespace: string): ResourceProvider | null
  findType(type: string): ResourceType | null
  /** @throws ResourceFault `InvalidResourceNamespace`, `InvalidResourceType` */
  getType(type: string, apiVersion: string): ResourceType
  /** @throws ResourceFault `InvalidResourceNamespace` */
  getProvider(namespace: string): ResourceProvider
}

export function typeTable(providers: readonly ResourceProvider[]): TypeTable {
  const byNamespace = new Map(providers.map((provider) => [provider.namespace.toLowerCase(), provider]))
  const byType = new Map(
    providers.flatMap(({ types }) => types).map((type) => [type.type.toLowerCase(), type]),
  )
  const getProvider = (namespace: string): ResourceProvider => {
    const provider = byNamespace.get(namespace.toLowerCase())
    if (provider === undefined) {
      throw refused(404, 'InvalidResourceNamespace', `The resource namespace '${namespace}' is invalid.`)
    }
    return provider
  }
  return {
    providers,
    findProvider: (namespace) => byNamespace.get(namespace.toLowerCase()) ?? null,
    findType: (type) => byType.get(type.toLowerCase()) ?? null,
    getProvider,
    getType(type, apiVersion) {
      const found = byType.get(type.toLowerCase())
      if (found !== undefined) return found
      const namespace = type.split('/', 1)[0] ?? ''
      getProvider(namespace)
      throw unknownType(type, namespace, apiVersion)
    },
  }
}

function unknownType(type: string, namespace: string, apiVersion: string): ResourceFault {
  return refused(
    404,
    'InvalidResourceType',
    `The resource type '${type.slice(namespace.length + 1)}' could not be found in the namespace '${namespace}' for api version '${apiVersion}'.`,
  )
}

/** Longer ones name nothing: an id has at most 8 levels. */
const MAX_PATH = 4096

/** What a path below a resource group's `providers` stands for. */
export type Target =
  | { readonly kind: 'resource'; readonly id: ResourceId; readonly type: ResourceType }
  | {
      readonly kind: 'action'
      readonly id: ResourceId
      readonly type: ResourceType
      readonly action: ResourceAction
    }
  | { readonly kind: 'collection'; readonly type: string; readonly parent: ResourceId | null }

/**
 * @param path `/subscriptions/…/resourceGroups/…/providers/<namespace>/…`
 * @returns null for a path that is nothing of a provider's
 */
export function findTarget(types: TypeTable, path: string, method: string): Target | null {
  if (path.length > MAX_PATH) return null
  const whole = parseResourceId(path)
  const type = whole === null ? null : types.findType(whole.type)
  if (whole !== null && type !== null) return { kind: 'resource', id: whole, type }
  const action = findAction(types, path, method)
  if (action !== null) return action
  if (whole !== null) return null
  const collection = /^(.*\/providers\/[^/]+(?:\/[^/]+\/[^/]+)*)\/([^/]+)\/?$/i.exec(path)
  if (collection === null) return null
  const [, before = '', last = ''] = collection
  const parent = parseResourceId(before)
  const namespace = before.slice(before.lastIndexOf('/') + 1)
  return { kind: 'collection', type: `${parent?.type ?? namespace}/${last}`, parent }
}

function findAction(types: TypeTable, path: string, method: string): Target | null {
  for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) {
    const id = parseResourceId(path.slice(0, end))
    const type = id === null ? null : types.findType(id.type)
    if (id === null || type === null) continue
    const name = path.slice(end + 1).toLowerCase()
    const action = Object.entries(type.actions ?? {}).find(
      ([key, { method: wanted }]) => key.toLowerCase() === name && wanted === method,
    )
    if (action !== undefined) return { kind: 'action', id, type, action: action[1] }
  }
  return null
}
