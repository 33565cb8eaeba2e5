import { setImmediate } from 'node:timers/promises'
import { listUncommittedBlobs } from '../../store/records/blob/blocks.ts'
import { BASE, type BlobRow } from '../../store/records/blob/blobs.ts'
import { type BlobReads, endOfPrefix } from '../../store/records/blob/containers.ts'
import { compareNames, listBlobRows, listRemains } from '../../store/records/blob/listing.ts'
import { type BlobState, openBlobInPassing } from './blob-rows.ts'
import type { ServiceSeal } from './service-seal.ts'

export interface ListBlobs {
  readonly prefix: string
  /** Null: flat. */
  readonly delimiter: string | null
  readonly from: BlobMarker
  /** The first name that is not listed any more; null: no end of its own. */
  readonly endBefore: string | null
  readonly limit: number
  /** Deleted blobs alone. */
  readonly onlyDeleted: boolean
  readonly include: {
    readonly snapshots: boolean
    readonly versions: boolean
    readonly deleted: boolean
    /** Names that have versions and no base blob any more. */
    readonly deletedWithVersions: boolean
    readonly uncommitted: boolean
    readonly metadata: boolean
  }
}

/** The first row of a page; moment `''` for a name's first. */
export interface BlobMarker {
  readonly name: string
  readonly moment: string
}

export type FoundBlob =
  | { readonly state: BlobState; readonly hasVersionsOnly: boolean }
  | { readonly uncommitted: { readonly name: string; readonly createdAt: number } }
  | { readonly prefix: string }

interface Rows {
  readonly db: BlobReads
  readonly seal: ServiceSeal
}

export interface ShownPage<T> {
  /** What was made of the blobs, of some after the other: at least one. */
  readonly parts: readonly T[]
  /** Where the next page begins. */
  readonly next: BlobMarker | null
}

interface Listing<T> extends Rows {
  /** Called for some after the other while a page is put together, so that not all of it is in memory at once. */
  readonly show: (found: readonly FoundBlob[]) => Promise<T>
}

/** Something of a name that may be listed: its place among the others, and how it is opened. */
interface Entry extends BlobMarker {
  /** @returns null for what was not asked for */
  readonly open: () => Exclude<FoundBlob, { readonly prefix: string }> | null
}

/** Behind the base blob. */
const REMAINS = `${BASE}1`
const UNCOMMITTED = `${BASE}2`

const MAX_ROWS_AT_ONCE = 1_000

/** Reads on until the page is full; where a delimiter folds many names into one, it jumps over them. */
export async function listPage<T>(
  { show, ...rows }: Listing<T>,
  container: string,
  query: ListBlobs,
  signal: AbortSignal,
): Promise<ShownPage<T>> {
  const parts: T[] = []
  let room = query.limit
  let { from } = query
  let wanted = query.delimiter === null ? MAX_ROWS_AT_ONCE : 64
  for (;;) {
    const limit = Math.min(wanted, MAX_ROWS_AT_ONCE, room + 1)
    const entries = await someEntries(rows, container, { query, from, limit })
    const taken = take(entries, query, room)
    const { found } = taken
    const isLast = taken.isFull || entries.length < limit
    if (found.length > 0 || (isLast && parts.length === 0)) parts.push(await show(found))
    if (isLast) return { parts, next: taken.isFull ? taken.from : null }
    room -= found.length
    from = taken.from
    // Before the next jump, as much as was of use: what lies behind it is read in vain.
    wanted = taken.isJump ? 2 * found.length + 1 : MAX_ROWS_AT_ONCE
    // Whoever waits meanwhile has a turn.
    await setImmediate(undefined, { signal })
  }
}

interface Taken {
  readonly found: readonly FoundBlob[]
  readonly isFull: boolean
  /** Whether the rest of a folded name is left out. */
  readonly isJump: boolean
  /** Where to go on: with the next page when this one is full. */
  readonly from: BlobMarker
}

/** @param room for how many there is a place on the page */
function take(entries: readonly Entry[], query: ListBlobs, room: number): Taken {
  const found: FoundBlob[] = []
  let folded: string | null = null
  for (const { name, moment, open } of entries) {
    if (folded !== null && name.startsWith(folded)) continue
    folded = null
    const prefix = prefixOf(name, query)
    const isSeen = prefix !== null && moment === BASE && !query.onlyDeleted
    const one = isSeen ? { prefix } : open()
    if (one === null) continue
    if (found.length === room) return { found, isFull: true, isJump: false, from: { name, moment } }
    found.push(prefix === null ? one : { prefix })
    folded = prefix
  }
  if (folded !== null)
    return { found, isFull: false, isJump: true, from: { name: endOfPrefix(folded), moment: '' } }
  const { name, moment } = entries.at(-1) ?? query.from
  return { found, isFull: false, isJump: false, from: { name, moment: `${moment}\u{10ffff}` } }
}

function prefixOf(name: string, { prefix, delimiter }: ListBlobs): string | null {
  if (delimiter === null || delimiter === '') return null
  const end = name.indexOf(delimiter, prefix.length)
  return end < 0 ? null : name.slice(0, end + delimiter.length)
}

interface Some {
  readonly query: ListBlobs
  readonly from: BlobMarker
  readonly limit: number
}

/** The next ones of every kind that was asked for, in order. */
async function someEntries({ db, seal }: Rows, container: string, some: Some): Promise<readonly Entry[]> {
  const { query, from, limit } = some
  const { include, onlyDeleted, prefix, endBefore: end } = query
  const range = { container, prefix, from, end, limit }
  const rows = await listBlobRows(db, {
    ...range,
    withMoments: include.snapshots || include.versions,
    withDeleted: include.deleted || onlyDeleted,
  })
  const found = rows.map((row) => rowEntry(seal, query, row))
  if (onlyDeleted || !(include.deletedWithVersions || include.uncommitted)) return found
  const remains = include.deletedWithVersions ? await listRemains(db, range) : []
  const uncommitted = include.uncommitted
    ? await listUncommittedBlobs(db, { container, prefix, from: from.name, limit })
    : []
  return [
    ...found,
    ...remains.map((row) => remainsEntry(seal, row)),
    ...uncommitted.filter(({ name }) => end === null || compareNames(name, end) < 0).map(uncommittedEntry),
  ]
    .filter((entry) => compareEntries(entry, from) >= 0)
    .sort(compareEntries)
    .slice(0, limit)
}

function rowEntry(seal: ServiceSeal, { include, onlyDeleted }: ListBlobs, row: BlobRow): Entry {
  const { name, moment } = row
  const isWanted = (kind: BlobState['doc']['kind']) =>
    kind === 'base' || (kind === 'snapshot' ? include.snapshots : include.versions)
  return {
    name,
    moment,
    open() {
      if (onlyDeleted && row.deleted_at === null) return null
      const state = openBlobInPassing(seal, row)
      return isWanted(state.doc.kind) ? { state, hasVersionsOnly: false } : null
    },
  }
}

function remainsEntry(seal: ServiceSeal, row: BlobRow): Entry {
  return {
    name: row.name,
    moment: REMAINS,
    open() {
      const state = openBlobInPassing(seal, row)
      return state.doc.kind === 'version' ? { state, hasVersionsOnly: true } : null
    },
  }
}

function uncommittedEntry({
  name,
  created_at: createdAt,
}: {
  readonly name: string
  readonly created_at: number
}): Entry {
  return { name, moment: UNCOMMITTED, open: () => ({ uncommitted: { name, createdAt } }) }
}

function compareEntries(one: BlobMarker, other: BlobMarker): number {
  const names = compareNames(one.name, other.name)
  if (names !== 0) return names
  return one.moment < other.moment ? -1 : one.moment > other.moment ? 1 : 0
}
