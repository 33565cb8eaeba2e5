import type { RecordKey } from '../../crypto/record-key.ts'
import { parseGuid } from '../../kernel/guid.ts'
import type { JsonObject } from '../../kernel/json.ts'
import type { Page } from '../../kernel/page.ts'
import type { Records } from '../../store/records/records.ts'
import { type GroupRows, groupRows } from '../../store/records/resources/group-rows.ts'
import { type OperationRows, operationRows } from '../../store/records/resources/operation-rows.ts'
import {
  type ResourceRow,
  type ResourceRows,
  type ResourceSearch,
  type SaveOutcome,
  resourceRows,
} from '../../store/records/resources/resource-rows.ts'
import type { ResourcesTables } from '../../store/records/resources/tables.ts'
import { type StoredResource, fromDocument, toDocument } from './document.ts'
import { type Locks, openLocks } from './locks.ts'
import type { Resource, ResourceReader } from './provider.ts'
import { parseResourceId } from './resource-id.ts'

export interface ResourceStoreDeps {
  readonly records: Pick<Records<ResourcesTables>, 'read' | 'write'>
  /** Seals every document. */
  readonly recordKey: RecordKey
}

/**
 * What is kept of resources. Opened before the providers, which read through it; `openResources` then joins both.
 */
export interface ResourceStore extends ResourceReader {
  findStored(id: string): Promise<StoredResource | null>
  list(
    search: ResourceSearch,
    page: { readonly after: string | null; readonly limit: number },
  ): Promise<Page<StoredResource>>
  save(resource: StoredResource, options: { readonly globalName: boolean }): Promise<SaveOutcome>
  remove(id: string): Promise<void>
  /**
   * For a provider: rewrites its own document on a resource, after whatever write of that resource is under way.
   * Not for use inside that resource's own `put`, `patch` or `delete`, which hold its lock.
   *
   * @param edit gets the resource as it is in the committing transaction; throws to change nothing
   * @returns the resource as it is now; null when it is gone
   */
  amend(id: string, edit: (resource: Resource) => JsonObject): Promise<Resource | null>
  /** Held by every write of a resource, under its id in lower case. */
  readonly locks: Locks
  readonly groups: GroupRows
  readonly operations: OperationRows
}

export function openResourceStore(deps: ResourceStoreDeps): ResourceStore {
  const rows = resourceRows(deps)
  const locks = openLocks()
  return {
    ...readers(rows),
    async list(search, page) {
      const found = await rows.list(search, page)
      return { items: found.items.map(opened), next: found.next }
    },
    save: (resource, options) => rows.save(rowOf(resource, options)),
    remove: (id) => rows.remove(id.toLowerCase()),
    async amend(id, edit) {
      const key = id.toLowerCase()
      const change = (document: JsonObject): JsonObject => {
        const resource = fromDocument(document)
        return toDocument({ ...resource, properties: edit(resource) })
      }
      const amended = await locks.run(key, () => rows.changeDocument(key, change))
      return amended === null ? null : fromDocument(amended)
    },
    locks,
    groups: groupRows(deps),
    operations: operationRows(deps),
  }
}

function readers(rows: ResourceRows): ResourceReader & Pick<ResourceStore, 'findStored'> {
  const findStored = async (id: string) => openedOrNull(await rows.findById(id.toLowerCase()))
  return {
    findStored,
    findById: findStored,
    findByUid: async (uid) => openedOrNull(await rows.findByUid(uid)),
    findByGlobalName: async (type, name) => openedOrNull(await rows.findByGlobalKey(globalKey(type, name))),
    listByType: async (type) => (await rows.listByType(type.toLowerCase())).map(opened),
  }
}

function globalKey(type: string, name: string): string {
  return `${type}/${name}`.toLowerCase()
}

function rowOf(resource: StoredResource, { globalName }: { readonly globalName: boolean }): ResourceRow {
  const id = parseResourceId(resource.id)
  const subscriptionId = parseGuid(resource.subscriptionId)
  if (id === null || subscriptionId === null) throw new Error(`not a resource id: ${resource.id}`)
  return {
    idKey: id.key,
    uid: resource.uid,
    subscriptionId,
    groupKey: resource.resourceGroup.toLowerCase(),
    typeKey: resource.type.toLowerCase(),
    nameKey: resource.name.toLowerCase(),
    parentKey: id.parent?.key ?? null,
    globalKey: globalName ? globalKey(resource.type, resource.name) : null,
    document: toDocument(resource),
  }
}

function opened(row: ResourceRow): StoredResource {
  return fromDocument(row.document)
}

function openedOrNull(row: ResourceRow | null): StoredResource | null {
  return row === null ? null : opened(row)
}
