import type { Page } from '../../kernel/page.ts'
import { DAY_MS } from '../../kernel/units.ts'
import {
  type ContainerRow,
  type DeletedPlace,
  listContainerRows,
  listDeletedContainers,
} from '../../store/records/blob/containers.ts'
import type { StorageAccount } from '../storage/storage-account.ts'
import { openContainer } from './container-rows.ts'
import { type ContainerDeps, type ContainerView, scopeNameOf } from './containers.ts'
import { openService } from './service-seal.ts'

export interface ContainersQuery {
  readonly prefix: string
  /** `''`, or `next` of the page before; a name alone will do. */
  readonly from: string
  readonly limit: number
  /** Those too that could be restored. */
  readonly withDeleted: boolean
}

export interface ListedContainer extends ContainerView {
  readonly deletedAt: number | null
}

/**
 * In the order of names; of one name, the deleted ones in the order of their deletion, before the one that is there.
 * https://learn.microsoft.com/rest/api/storageservices/list-containers2
 */
export async function listContainers(
  deps: ContainerDeps,
  account: StorageAccount,
  query: ContainersQuery,
): Promise<Page<ListedContainer>> {
  const seal = await openService(deps.keyring, account)
  const rows = await listRows(deps, account, query)
  const scopes = new Map<string | null, Promise<string | null>>()
  const items: ListedContainer[] = []
  for (const row of rows.slice(0, query.limit)) {
    const state = openContainer(seal, row)
    const { defaultScope } = state.doc
    const scopeName = scopes.get(defaultScope) ?? scopeNameOf(deps, account, state.doc)
    scopes.set(defaultScope, scopeName)
    items.push({ ...state, deletedAt: row.deleted_at, scopeName: await scopeName })
  }
  const next = rows[query.limit]
  return { items, next: next === undefined ? null : writeFrom(next, query) }
}

/** One row more than the page has. */
async function listRows(
  { records: { read }, stamp }: ContainerDeps,
  { uid: account, blobService: { containerDeleteRetentionDays: days } }: StorageAccount,
  { prefix, from: text, limit, withDeleted }: ContainersQuery,
): Promise<readonly ContainerRow[]> {
  const from = readFrom(text)
  const page = { account, prefix, limit: limit + 1 }
  const live = await listContainerRows(read, { ...page, from: from.name })
  if (!withDeleted || days === null) return live
  const deleted = await listDeletedContainers(read, { ...page, from, after: stamp().now - days * DAY_MS })
  const before = (a: ContainerRow, b: ContainerRow) =>
    a.name === b.name ? (a.deleted_at ?? Infinity) < (b.deleted_at ?? Infinity) : a.name < b.name
  // Deleted ones are in their order already.
  return [...deleted, ...live].sort((a, b) => (before(a, b) ? -1 : before(b, a) ? 1 : 0)).slice(0, limit + 1)
}

/** Behind all deletions of a name: the container that is there. */
const LAST = Number.MAX_SAFE_INTEGER

/** Names have no slash. */
function writeFrom({ name, deleted_at, id }: ContainerRow, { withDeleted }: ContainersQuery): string {
  return withDeleted ? `${name}/${deleted_at ?? LAST}/${id}` : name
}

/** Of a name alone, deleted ones too. */
function readFrom(text: string): DeletedPlace {
  const [name = '', deletedAt, id = ''] = text.split('/')
  return { name, deletedAt: Number(deletedAt) || 0, id }
}
