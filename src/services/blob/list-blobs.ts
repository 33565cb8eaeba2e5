import type { Page } from '../../kernel/page.ts'
import { type BlobRow, listBlobRows } from '../../store/records/blob/blobs.ts'
import { endOfPrefix } from '../../store/records/blob/containers.ts'
import type { BlobDeps } from './blob-deps.ts'
import { openBlob } from './blob-rows.ts'
import { getContainer } from './container-rows.ts'
import type { BlobView, ContainerPath } from './model.ts'
import { type ServiceSeal, openService } from './service-seal.ts'
import { viewOf } from './view.ts'

export interface ListBlobs {
  readonly prefix: string
  /** Null: flat. */
  readonly delimiter: string | null
  readonly from: BlobMarker
  readonly limit: number
  readonly include: {
    readonly snapshots: boolean
    readonly versions: boolean
    readonly deleted: boolean
    readonly metadata: boolean
  }
}

/** The first row of a page; moment `''` for a name's first. */
export interface BlobMarker {
  readonly name: string
  readonly moment: string
}

export type ListedBlob = { readonly blob: BlobView } | { readonly prefix: string }

/** In the order of names; of one name, by time, the base blob last. */
export async function listBlobs(
  deps: BlobDeps,
  { account, container: name }: ContainerPath,
  query: ListBlobs,
  _signal: AbortSignal,
): Promise<Page<ListedBlob, BlobMarker>> {
  const { records, keyring } = deps
  const seal = await openService(keyring, account)
  const container = await getContainer(records.read, seal, name)
  const items: ListedBlob[] = []
  let from = query.from
  for (;;) {
    const wanted = query.limit + 1 - items.length
    const rows = await listBlobRows(records.read, {
      container: container.id,
      prefix: query.prefix,
      from,
      limit: wanted,
      withMoments: query.include.snapshots || query.include.versions || query.include.deleted,
      withDeleted: query.include.deleted,
    })
    const taken = await take(deps, seal, rows, { query, items })
    if (taken.next !== null) return { items, next: taken.next }
    if (rows.length < wanted || taken.skipTo === null) return { items, next: null }
    from = taken.skipTo
  }
}

/** Takes rows until the page is full, or until a prefix lets the rest be skipped. */
async function take(
  deps: BlobDeps,
  seal: ServiceSeal,
  rows: readonly BlobRow[],
  { query, items }: { readonly query: ListBlobs; readonly items: ListedBlob[] },
): Promise<{ readonly next: BlobMarker | null; readonly skipTo: BlobMarker | null }> {
  for (const row of rows) {
    if (items.length === query.limit) return { next: { name: row.name, moment: row.moment }, skipTo: null }
    const prefix = prefixOf(row.name, query)
    if (prefix !== null) {
      items.push({ prefix })
      return { next: null, skipTo: { name: endOfPrefix(prefix), moment: '' } }
    }
    const state = openBlob(seal, row)
    items.push({ blob: await viewOf(deps, seal, state, null) })
  }
  const last = rows.at(-1)
  return {
    next: null,
    skipTo: last === undefined ? null : { name: last.name, moment: `${last.moment}\u{10ffff}` },
  }
}

function prefixOf(name: string, { prefix, delimiter }: ListBlobs): string | null {
  if (delimiter === null || delimiter === '') return null
  const end = name.indexOf(delimiter, prefix.length)
  return end < 0 ? null : name.slice(0, end + delimiter.length)
}
