import type { BlobReads, BlobWrites } from '../../store/records/blob/containers.ts'
import { releaseExtents, useExtents } from '../../store/records/blob/extents.ts'
import { releaseMapNodes, useMapNodes } from '../../store/records/blob/map-nodes.ts'
import { inSnapshot } from '../../store/records/snapshot.ts'
import { BlobFault } from './faults.ts'
import { changeTree, plantTree, treeParts } from './map-tree.ts'
import type { ExtentsDoc, Part } from './model.ts'
import {
  type PlacedPart,
  type Span,
  bare,
  changedUses,
  endOf,
  placed,
  refsOf,
  spliced,
  within,
} from './parts.ts'
import type { ServiceSeal } from './service-seal.ts'

export { type PlacedPart, type Span, refsOf } from './parts.ts'

/** So many stand in the blob's own document. */
const MAX_PARTS_IN_DOCUMENT = 8
const ALL: Span = { start: 0, end: Number.MAX_SAFE_INTEGER }

/** The parts that hold any of `span`, in order. @throws SealFault `seal-broken`, BlobFault `content-damaged` when some are missing */
export async function readParts(
  db: BlobReads,
  seal: ServiceSeal,
  extents: ExtentsDoc,
  span: Span = ALL,
): Promise<readonly PlacedPart[]> {
  if ('parts' in extents) return within(placed(extents.parts, 0), span)
  return await inSnapshot(db, async (snapshot) => {
    const parts: PlacedPart[] = []
    for await (const some of partsIn(snapshot, seal, extents, span)) parts.push(...some)
    return parts
  })
}

/**
 * The same, as many at a time as are stored together.
 * @param snapshot a transaction: of a map that is written to meanwhile, its parts fit together only within one state
 */
export async function* partsIn(
  snapshot: BlobReads,
  seal: ServiceSeal,
  extents: ExtentsDoc,
  span: Span,
): AsyncGenerator<readonly PlacedPart[]> {
  if ('parts' in extents) {
    yield within(placed(extents.parts, 0), span)
    return
  }
  let end: number | null = null
  for await (const parts of treeParts(snapshot, seal, extents.map, span)) {
    const [first] = parts
    const last = parts.at(-1)
    if (first === undefined || last === undefined) continue
    if (end !== null && first.start !== end) throw new BlobFault('content-damaged', {})
    end = endOf(last)
    yield parts
  }
}

/** Stores the parts of a new blob. Does not touch the extents' uses. */
export async function writeParts(
  db: BlobWrites,
  seal: ServiceSeal,
  parts: readonly Part[],
): Promise<ExtentsDoc> {
  if (parts.length <= MAX_PARTS_IN_DOCUMENT) return { parts: parts.map(bare) }
  return { map: await plantTree({ db, seal }, placed(parts, 0)) }
}

/**
 * Puts `parts` in the place of what `span` holds; both have the same length, unless the span ends the blob. The extents of
 * `parts` count as used already; those that the blob names no more are released.
 */
export async function replaceParts(
  db: BlobWrites,
  seal: ServiceSeal,
  extents: ExtentsDoc,
  { span, parts, now }: { readonly span: Span; readonly parts: readonly Part[]; readonly now: number },
): Promise<ExtentsDoc> {
  const change = { span, parts: placed(parts, span.start) }
  if ('map' in extents) {
    const length = parts.reduce((sum, part) => sum + part.length, 0)
    const keepsOld = length < span.end - span.start
    return { map: await changeTree({ db, seal, now }, extents.map, change, { keepsOld }) }
  }
  const before = placed(extents.parts, 0)
  const after = spliced(before, span, change.parts)
  const { used, released } = changedUses(before, parts, after)
  await useExtents(db, used)
  await releaseExtents(db, released, now)
  return await writeParts(db, seal, after)
}

/** The same bytes for one more blob. */
export async function shareParts(db: BlobWrites, extents: ExtentsDoc): Promise<ExtentsDoc> {
  if ('map' in extents) await useMapNodes(db, [extents.map])
  else await useExtents(db, refsOf(extents.parts))
  return extents
}

/** A blob goes: so do its extents, unless something else names them; those of a map with one of the next sweeps. */
export async function releaseParts(
  db: BlobWrites,
  _seal: ServiceSeal,
  extents: ExtentsDoc,
  now: number,
): Promise<void> {
  if ('map' in extents) await releaseMapNodes(db, [extents.map], now)
  else await releaseExtents(db, refsOf(extents.parts), now)
}

/** The only extent of a blob that has just one, whole: what its row is joined with. */
export function soleExtent(extents: ExtentsDoc): string | null {
  if (!('parts' in extents) || extents.parts.length !== 1) return null
  return extents.parts[0]?.ref ?? null
}
