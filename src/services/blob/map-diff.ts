import type { BlobReads } from '../../store/records/blob/containers.ts'
import { type MapNode, findNodes, isLeaf } from './map-node.ts'
import { type PlacedChild, childrenWithin } from './map-tree.ts'
import type { ExtentsDoc } from './model.ts'
import { type PlacedPart, type Span, cut, endOf, placed } from './parts.ts'
import type { ServiceSeal } from './service-seal.ts'

export interface Difference extends Span {
  /** Whether the newer one has zeros there, that the older one has not. */
  readonly isCleared: boolean
}

/** Nodes of one level, or, below all of them, parts. */
type Layer = Nodes | { readonly level: -1; readonly parts: readonly PlacedPart[] }
interface Nodes {
  readonly level: number
  readonly children: readonly PlacedChild[]
}

/**
 * Where two maps name other bytes, in order: those that were written anew count, also when they are the same as before. Both
 * descend together, and what both lead to is passed over, so that this costs what was changed, not what there is.
 *
 * @param db one snapshot of the database
 */
export async function differences(
  db: BlobReads,
  seal: ServiceSeal,
  { older, newer, span }: { readonly older: ExtentsDoc; readonly newer: ExtentsDoc; readonly span: Span },
): Promise<readonly Difference[]> {
  if ('map' in older && 'map' in newer && older.map === newer.map) return []
  let before = await topOf(db, seal, older, span)
  let after = await topOf(db, seal, newer, span)
  while (isNodes(before) || isNodes(after)) {
    const level = Math.max(before.level, after.level)
    if (isNodes(before) && isNodes(after) && before.level === after.level) {
      const { children } = before
      before = without(before, after.children)
      after = without(after, children)
    }
    if (isNodes(before) && before.level === level) before = await layerBelow(db, seal, before, span)
    if (isNodes(after) && after.level === level) after = await layerBelow(db, seal, after, span)
  }
  return compared(before.parts, after.parts)
}

function isNodes(layer: Layer): layer is Nodes {
  return 'children' in layer
}

async function topOf(db: BlobReads, seal: ServiceSeal, extents: ExtentsDoc, span: Span): Promise<Layer> {
  if ('parts' in extents) return { level: -1, parts: cut(placed(extents.parts, 0), span) }
  const [root] = await findNodes(db, seal, [extents.map])
  return root === undefined ? { level: -1, parts: [] } : layerOf([root], [Number.MAX_SAFE_INTEGER], span)
}

async function layerBelow(db: BlobReads, seal: ServiceSeal, { children }: Nodes, span: Span): Promise<Layer> {
  const names = children.map(({ node }) => node)
  const ends = children.map(({ end }) => end)
  return layerOf(await findNodes(db, seal, names), ends, span)
}

/** All nodes are of one level, as those of a B-tree are at one depth. */
function layerOf(nodes: readonly MapNode[], ends: readonly number[], span: Span): Layer {
  const children = nodes.flatMap((node, index) =>
    isLeaf(node) ? [] : childrenWithin(node, span, ends[index]),
  )
  const [first] = nodes
  if (first !== undefined && !isLeaf(first)) return { level: first.level - 1, children }
  return { level: -1, parts: nodes.flatMap((node) => (isLeaf(node) ? cut(node.parts, span) : [])) }
}

function without(layer: Nodes, common: readonly PlacedChild[]): Nodes {
  const names = new Set(common.map(({ node }) => node))
  return { ...layer, children: layer.children.filter(({ node }) => !names.has(node)) }
}

/** What lies beyond the end of the older one counts as zeros. */
function compared(before: readonly PlacedPart[], after: readonly PlacedPart[]): readonly Difference[] {
  const found: Difference[] = []
  let index = 0
  for (const part of after) {
    for (let at = part.start; at < endOf(part);) {
      while (index < before.length && endsBy(before[index], at)) index++
      const other = before[index]
      const isCovered = other !== undefined && other.start <= at
      const end = Math.min(endOf(part), (isCovered ? other.start + other.length : other?.start) ?? Infinity)
      if (!isSame(part, isCovered ? other : null))
        push(found, { start: at, end, isCleared: part.ref === null })
      at = end
    }
  }
  return found
}

function endsBy(part: PlacedPart | undefined, at: number): boolean {
  return part !== undefined && endOf(part) <= at
}

function isSame(part: PlacedPart, other: PlacedPart | null): boolean {
  if (part.ref === null) return (other?.ref ?? null) === null
  return part.ref === other?.ref && part.at - part.start === other.at - other.start
}

function push(found: Difference[], next: Difference): void {
  const last = found.at(-1)
  if (last?.end === next.start && last.isCleared === next.isCleared) {
    found[found.length - 1] = { ...last, end: next.end }
  } else found.push(next)
}
