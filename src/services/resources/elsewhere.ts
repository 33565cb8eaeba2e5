import type { Page } from '../../kernel/page.ts'
import type { StoredResource } from './document.ts'
import type { EngineDeps } from './engine.ts'
import type { Elsewhere, ElsewhereItem, ElsewherePlace, Resource, ResourceType } from './provider.ts'
import type { ResourceId } from './resource-id.ts'

type Deps = Pick<EngineDeps, 'store' | 'types'>

/** A resource wherever it is: its row, or what its provider says of it. */
export async function findResource(
  deps: Deps,
  id: ResourceId,
  signal: AbortSignal,
): Promise<StoredResource | null> {
  const type = deps.types.findType(id.type)
  if (type?.elsewhere === undefined) return await deps.store.findStored(id.id)
  const found = await placeOf(deps, id)
  if (found === null) return null
  const properties = await type.elsewhere.find(found.place, signal)
  return properties === null ? null : childOf(found.owner, type, { id: id.id, name: id.name, properties })
}

/** @returns null when the owner is gone */
export async function listElsewhere(
  deps: Deps,
  {
    type,
    elsewhere,
    parent,
  }: { readonly type: ResourceType; readonly elsewhere: Elsewhere; readonly parent: ResourceId },
  request: { readonly after: string | null; readonly limit: number; readonly query: URLSearchParams },
  signal: AbortSignal,
): Promise<Page<StoredResource> | null> {
  const found = await placeOf(deps, parent)
  if (found === null) return null
  const page = await elsewhere.list(found.place, request, signal)
  const segment = type.type.slice(type.type.lastIndexOf('/') + 1)
  const items = page.items.map(({ name, properties }: ElsewhereItem) =>
    childOf(found.owner, type, { id: `${parent.id}/${segment}/${name}`, name, properties }),
  )
  return { items, next: page.next }
}

/** The nearest resource with a row, itself included, and the names from there on. */
async function placeOf(
  { store, types }: Deps,
  id: ResourceId,
): Promise<{ readonly owner: StoredResource; readonly place: ElsewherePlace } | null> {
  const names: string[] = []
  let level: ResourceId | null = id
  while (level !== null && types.findType(level.type)?.elsewhere !== undefined) {
    names.unshift(level.name)
    level = level.parent
  }
  const owner = level === null ? null : await store.findStored(level.id)
  return owner === null ? null : { owner, place: { owner, names } }
}

/** As if it had a row: place and authors of its owner, nothing else of it. */
function childOf(
  owner: StoredResource,
  { type }: ResourceType,
  child: Pick<Resource, 'id' | 'name' | 'properties'>,
): StoredResource {
  return { ...owner, ...child, type, tags: {}, sku: null, kind: null, identity: null }
}
