import type { BlobReads } from '../../store/records/blob/containers.ts'
import { releaseExtents, useExtents } from '../../store/records/blob/extents.ts'
import { deleteMapNodes, releaseMapNodes } from '../../store/records/blob/map-nodes.ts'
import {
  type Child,
  type Inner,
  type Leaf,
  type MapNode,
  type NodeWrites,
  type TakenNode,
  findNodes,
  isLeaf,
  putNode,
  takeNode,
} from './map-node.ts'
import { type PlacedPart, type Span, changedUses, spliced, within } from './parts.ts'
import type { ServiceSeal } from './service-seal.ts'

/**
 * A B-tree of parts by their offset, whose nodes are shared: a snapshot names the same root. What is changed below a shared
 * node is copied on the way down, so that a change costs as many nodes as the tree is high, however large the blob is, and
 * whether it was just snapshotted or not. Nodes that run empty go; those that only run low stay as they are.
 */

/** A leaf is written with every append and every page: small enough to seal at once, large enough for few levels. */
const MAX_ENTRIES = 64
/** Leaves that are read together. */
const NODES_AT_ONCE = 16

export interface TreeChange {
  readonly span: Span
  /** What takes the place of the span. Their extents count as used already. */
  readonly parts: readonly PlacedPart[]
}

/** The parts that hold any of the span, leaf by leaf. Only within one snapshot of the database: nodes change in place. */
export async function* treeParts(
  db: BlobReads,
  seal: ServiceSeal,
  root: string,
  span: Span,
): AsyncGenerator<readonly PlacedPart[]> {
  for (const node of await findNodes(db, seal, [root])) yield* partsBelow(db, seal, node, span)
}

async function* partsBelow(
  db: BlobReads,
  seal: ServiceSeal,
  node: MapNode,
  span: Span,
): AsyncGenerator<readonly PlacedPart[]> {
  if (isLeaf(node)) {
    yield within(node.parts, span)
    return
  }
  const names = childrenWithin(node, span).map(({ node: name }) => name)
  for (let at = 0; at < names.length; at += NODES_AT_ONCE) {
    const children = await findNodes(db, seal, names.slice(at, at + NODES_AT_ONCE))
    for (const child of children) yield* partsBelow(db, seal, child, span)
  }
}

export interface PlacedChild extends Child {
  /** Where the next one begins; of the last, what its parent ends with. */
  readonly end: number
}

/** The children that may hold any of the span. */
export function childrenWithin(
  { children }: Inner,
  { start, end }: Span,
  limit = Number.MAX_SAFE_INTEGER,
): readonly PlacedChild[] {
  return children
    .map((child, index) => ({ ...child, end: children[index + 1]?.start ?? limit }))
    .filter((child) => child.start < end && child.end > start)
}

/** Does not touch the extents' uses. @returns the root's name */
export async function plantTree(
  tree: Omit<NodeWrites, 'now'>,
  parts: readonly PlacedPart[],
): Promise<string> {
  return await putRoot(tree, null, { level: 0, parts })
}

/** @param keepsOld for the reads under way, which a map that becomes shorter would else take the end from. @returns the root's name */
export async function changeTree(
  tree: NodeWrites,
  root: string,
  change: TreeChange,
  { keepsOld }: { readonly keepsOld: boolean },
): Promise<string> {
  const taken = await takeNode(tree, root, { isKept: keepsOld })
  const { node } = await changed(tree, taken.node, Number.MAX_SAFE_INTEGER, change)
  if (isUnchanged(taken, node)) return root
  return await putRoot(tree, taken.row, await lowered(tree, node))
}

/** Without the levels that lead to a single child. */
async function lowered(tree: NodeWrites, root: MapNode): Promise<MapNode> {
  let node = root
  while (!isLeaf(node)) {
    const [only, ...others] = node.children
    if (only === undefined) return { level: 0, parts: [] }
    if (others.length > 0) return node
    const taken = await takeNode(tree, only.node, { isKept: false })
    if (taken.row !== null) await deleteMapNodes(tree.db, [taken.row])
    node = taken.node
  }
  return node
}

interface Changed {
  readonly node: MapNode
  /** How many entries lie before the end of what was put in: there it may be cut in two. */
  readonly cutAt: number
}

async function changed(tree: NodeWrites, node: MapNode, end: number, change: TreeChange): Promise<Changed> {
  return isLeaf(node) ? await changedLeaf(tree, node, change) : await changedInner(tree, node, end, change)
}

async function changedLeaf(
  { db, now }: NodeWrites,
  { parts: before }: Leaf,
  { span, parts }: TreeChange,
): Promise<Changed> {
  const after = spliced(before, span, parts)
  const { used, released } = changedUses(before, parts, after)
  await useExtents(db, used)
  await releaseExtents(db, released, now)
  const putIn = parts.at(-1)?.start ?? span.start
  return { node: { level: 0, parts: after }, cutAt: after.filter(({ start }) => start <= putIn).length }
}

async function changedInner(
  tree: NodeWrites,
  node: Inner,
  end: number,
  change: TreeChange,
): Promise<Changed> {
  const children = childrenWithin(node, { start: 0, end: Number.MAX_SAFE_INTEGER }, end)
  const { span } = change
  // What is put in goes to one child, the last one at the end of all; the others only lose what they hold of the span.
  const receiver = children.findLastIndex(({ start }, index) => start <= span.start || index === 0)
  const after: Child[] = []
  const dropped: string[] = []
  let cutAt = 0
  for (const [index, child] of children.entries()) {
    const isReceiver = index === receiver
    if (isReceiver) {
      after.push(...(await changedChild(tree, child, change)))
      cutAt = after.length
    } else if (child.end <= span.start || child.start >= span.end) after.push(child)
    else if (child.start >= span.start && child.end <= span.end) dropped.push(child.node)
    else after.push(...(await changedChild(tree, child, { span, parts: [] })))
  }
  await releaseMapNodes(tree.db, dropped, tree.now)
  return { node: { level: node.level, children: after }, cutAt }
}

/** @returns what takes the child's place: several when it became too large, none when it ran empty */
async function changedChild(
  tree: NodeWrites,
  child: PlacedChild,
  change: TreeChange,
): Promise<readonly Child[]> {
  const taken = await takeNode(tree, child.node, { isKept: false })
  const { node, cutAt } = await changed(tree, taken.node, child.end, change)
  if (isUnchanged(taken, node)) return [child]
  const [first, ...others] = pieces(node, cutAt)
  if (first === undefined) {
    if (taken.row !== null) await deleteMapNodes(tree.db, [taken.row])
    return []
  }
  const children = [{ start: startOf(first), node: await putNode(tree, taken.row, first) }]
  for (const other of others) children.push({ start: startOf(other), node: await putNode(tree, null, other) })
  return children
}

/** Inner nodes mostly are: their children change in place. */
function isUnchanged({ node: before, row }: TakenNode, after: MapNode): boolean {
  if (row === null || isLeaf(before) || isLeaf(after)) return false
  return (
    before.children.length === after.children.length &&
    before.children.every(({ start, node }, index) => {
      const other = after.children[index]
      return other?.start === start && other.node === node
    })
  )
}

/** A root keeps its row: what it holds goes below it when it is too much. */
async function putRoot(tree: Omit<NodeWrites, 'now'>, row: string | null, node: MapNode): Promise<string> {
  let root = node
  for (;;) {
    const parts = pieces(root, MAX_ENTRIES)
    if (parts.length <= 1) return await putNode(tree, row, root)
    const children: Child[] = []
    for (const part of parts) children.push({ start: startOf(part), node: await putNode(tree, null, part) })
    root = { level: root.level + 1, children }
  }
}

/** The node in pieces that are not too large. */
function pieces(node: MapNode, cutAt: number): readonly MapNode[] {
  if (!isLeaf(node)) {
    return cutUp(node.children, cutAt).map((children) => ({ level: node.level, children }))
  }
  return cutUp(node.parts, cutAt).map((parts) => ({ level: 0, parts }))
}

/**
 * Two pieces are cut where something was put in, if that leaves the first one half full at least: what is written from the
 * beginning to the end then leaves full nodes behind.
 */
function cutUp<T>(entries: readonly T[], cutAt: number): readonly (readonly T[])[] {
  const { length } = entries
  if (length === 0) return []
  if (length <= MAX_ENTRIES) return [entries]
  if (length <= 2 * MAX_ENTRIES) {
    const first = Math.min(MAX_ENTRIES, Math.max(cutAt, Math.ceil(length / 2)))
    return [entries.slice(0, first), entries.slice(first)]
  }
  const pieces: (readonly T[])[] = []
  for (let at = 0; at < length; at += MAX_ENTRIES) pieces.push(entries.slice(at, at + MAX_ENTRIES))
  return pieces
}

function startOf(node: MapNode): number {
  return (isLeaf(node) ? node.parts : node.children)[0]?.start ?? 0
}
