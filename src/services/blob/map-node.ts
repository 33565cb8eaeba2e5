import { randomHex } from '../../crypto/random.ts'
import type { BlobReads, BlobWrites } from '../../store/records/blob/containers.ts'
import { releaseExtents, useExtents } from '../../store/records/blob/extents.ts'
import {
  type MapNodeRow,
  deleteMapNodes,
  findMapNodes,
  insertMapNode,
  releaseMapNodes,
  updateMapNode,
  useMapNodes,
} from '../../store/records/blob/map-nodes.ts'
import { BlobFault } from './faults.ts'
import type { Part, StoredNode, StoredPart } from './model.ts'
import { type PlacedPart, bare, placed, refsOf } from './parts.ts'
import type { ServiceSeal } from './service-seal.ts'

/** A node of the tree that an extent map is. Offsets are those of the blob. */
export type MapNode = Leaf | Inner

export interface Leaf {
  readonly level: 0
  /** They follow one another without gaps. */
  readonly parts: readonly PlacedPart[]
}

export interface Inner {
  /** Above the leaves. */
  readonly level: number
  /** Each holds what lies between its start and the next one's; the last, what lies behind. */
  readonly children: readonly Child[]
}

export interface Child {
  readonly start: number
  readonly node: string
}

/** What writing needs. */
export interface NodeWrites {
  readonly db: BlobWrites
  readonly seal: ServiceSeal
  readonly now: number
}

/** A node whose entries are the caller's to change: it counts as naming them. */
export interface TakenNode {
  readonly node: MapNode
  /** The row to write it to; null: the row is also somebody else's, and stays as it is. */
  readonly row: string | null
}

export function isLeaf(node: MapNode): node is Leaf {
  return node.level === 0
}

/** In the order of the names. @throws BlobFault `content-damaged` when one is missing; SealFault `seal-broken` */
export async function findNodes(
  db: BlobReads,
  seal: ServiceSeal,
  names: readonly string[],
): Promise<readonly MapNode[]> {
  const rows = await findMapNodes(db, names)
  return names.map((name) => openNode(seal, present(rows.get(name))))
}

/**
 * Takes a node out of its parent's hands in order to change it. One that others name too, or that must be `kept` as it is for the
 * reads under way, lends its entries instead: they are named once more, and it is named once less.
 */
export async function takeNode(
  { db, seal, now }: NodeWrites,
  name: string,
  { isKept }: { readonly isKept: boolean },
): Promise<TakenNode> {
  const row = present((await findMapNodes(db, [name])).get(name))
  const node = openNode(seal, row)
  if (row.uses === 1 && !isKept) return { node, row: name }
  if (isLeaf(node)) await useExtents(db, refsOf(node.parts))
  else await useMapNodes(db, namesOf(node))
  await releaseMapNodes(db, [name], now)
  return { node, row: null }
}

/** @param row of the node that this one takes the place of, or null for a new one. @returns the row's name */
export async function putNode(
  { db, seal }: Omit<NodeWrites, 'now'>,
  row: string | null,
  node: MapNode,
): Promise<string> {
  const name = row ?? randomHex(16)
  const sealed = seal.node.seal({ node: name }, stored(node))
  if (row === null) await insertMapNode(db, { node: name, account: seal.account.uid, sealed })
  else await updateMapNode(db, name, sealed)
  return name
}

/** A node that nothing names any more: what it named is released, and it goes. */
export async function dissolveNode(
  { db, seal, now }: NodeWrites,
  row: MapNodeRow & { readonly doomed_at: number },
): Promise<void> {
  const node = openNode(seal, row)
  if (isLeaf(node)) await releaseExtents(db, refsOf(node.parts), now)
  // Reads begin at a root: since it was doomed, none has come to what only it leads to.
  else await releaseMapNodes(db, namesOf(node), row.doomed_at)
  await deleteMapNodes(db, [row.node])
}

function namesOf({ children }: Inner): readonly string[] {
  return children.map(({ node }) => node)
}

function present(row: MapNodeRow | undefined): MapNodeRow {
  if (row === undefined) throw new BlobFault('content-damaged', {})
  return row
}

function openNode(seal: ServiceSeal, { node, sealed }: MapNodeRow): MapNode {
  const document = seal.node.open({ node }, sealed)
  if (isStoredLeaf(document)) {
    const [, start, parts] = document
    return { level: 0, parts: placed(parts.map(partOf), start) }
  }
  const [level, children] = document
  return { level, children: children.map(([start, child]) => ({ start, node: child })) }
}

function isStoredLeaf(document: StoredNode): document is Extract<StoredNode, readonly [0, ...unknown[]]> {
  return document[0] === 0
}

function partOf([length, ref, at, block]: StoredPart): Part {
  return bare({ length, ref, at, ...(block === undefined ? {} : { block }) })
}

function stored(node: MapNode): StoredNode {
  if (!isLeaf(node)) return [node.level, node.children.map(({ start, node: child }) => [start, child])]
  const parts = node.parts.map(({ length, ref, at, block }): StoredPart =>
    block === undefined ? [length, ref, at] : [length, ref, at, block],
  )
  return [0, node.parts[0]?.start ?? 0, parts]
}
