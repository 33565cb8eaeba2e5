import { randomHex } from '../../crypto/random.ts'
import type { BlobReads, BlobWrites } from '../../store/records/blob/containers.ts'
import { releaseExtents, useExtents } from '../../store/records/blob/extents.ts'
import {
  deleteMapChunks,
  dropMap,
  insertMap,
  listMapChunks,
  mapUses,
  putMapChunk,
  releaseMap,
  useMap,
} from '../../store/records/blob/maps.ts'
import { BlobFault } from './faults.ts'
import type { ExtentsDoc, Part } from './model.ts'
import type { ServiceSeal } from './service-seal.ts'

/** Half-open, in bytes of the blob. */
export interface Span {
  readonly start: number
  readonly end: number
}

export interface PlacedPart extends Part {
  readonly start: number
}

/** So many stand in the blob's own document. */
const MAX_PARTS_IN_DOCUMENT = 8
const PARTS_A_CHUNK = 256
const ALL: Span = { start: 0, end: Number.MAX_SAFE_INTEGER }

/** The parts that hold any of `span`, in order. @throws SealFault `seal-broken`, BlobFault `content-damaged` when some are missing */
export async function readParts(
  db: BlobReads,
  seal: ServiceSeal,
  extents: ExtentsDoc,
  span: Span = ALL,
): Promise<readonly PlacedPart[]> {
  if ('parts' in extents) return within(placed(extents.parts, 0), span)
  const parts: PlacedPart[] = []
  for (const { map, start, sealed } of await listMapChunks(db, extents.map, span)) {
    const last = parts.at(-1)
    if (last !== undefined && last.start + last.length !== start) throw new BlobFault('content-damaged', {})
    for (const part of placed(seal.chunk.open({ map, start }, sealed), start)) parts.push(part)
  }
  return within(parts, span)
}

/** Stores the parts of a new blob. Does not touch the extents' uses. */
export async function writeParts(
  db: BlobWrites,
  seal: ServiceSeal,
  parts: readonly Part[],
): Promise<ExtentsDoc> {
  if (parts.length <= MAX_PARTS_IN_DOCUMENT) return { parts: parts.map(bare) }
  const map = randomHex(16)
  await insertMap(db, map, seal.account.uid)
  await writeChunks(db, seal, map, placed(parts, 0))
  return { map }
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
  const own = await unshared(db, seal, extents)
  const wide = { start: Math.max(0, span.start - 1), end: span.end + 1 }
  const before = 'parts' in own ? placed(own.parts, 0) : await chunksAround(db, seal, own.map, wide)
  const after = joined([
    ...cut(before, { start: 0, end: span.start }),
    ...placed(parts, span.start),
    ...cut(before, { start: span.end, end: ALL.end }),
  ])
  await settleUses(db, before, [...after.filter((part) => !parts.some(({ ref }) => ref === part.ref))], now)
  if ('parts' in own) return await writeParts(db, seal, after)
  await rewriteChunks(db, seal, own.map, { before, after })
  return own
}

/** The same bytes for one more blob. */
export async function shareParts(db: BlobWrites, extents: ExtentsDoc): Promise<ExtentsDoc> {
  if ('map' in extents) await useMap(db, extents.map)
  else await useExtents(db, refsOf(extents.parts))
  return extents
}

/** A blob goes: so do its extents, unless something else names them. */
export async function releaseParts(
  db: BlobWrites,
  seal: ServiceSeal,
  extents: ExtentsDoc,
  now: number,
): Promise<void> {
  if ('parts' in extents) { await releaseExtents(db, refsOf(extents.parts), now); return; }
  if ((await releaseMap(db, extents.map)) > 0) return
  await releaseExtents(db, refsOf(await readParts(db, seal, extents)), now)
  await dropMap(db, extents.map)
}

export function refsOf(parts: readonly Part[]): readonly string[] {
  return parts.flatMap(({ ref }) => ref ?? [])
}

/** The only extent of a blob that has just one, whole: what its row is joined with. */
export function soleExtent(extents: ExtentsDoc): string | null {
  if (!('parts' in extents) || extents.parts.length !== 1) return null
  return extents.parts[0]?.ref ?? null
}

/** A map that others name too is copied before it is changed. */
async function unshared(db: BlobWrites, seal: ServiceSeal, extents: ExtentsDoc): Promise<ExtentsDoc> {
  if ('parts' in extents || (await mapUses(db, extents.map)) <= 1) return extents
  const parts = await readParts(db, seal, extents)
  await useExtents(db, refsOf(parts))
  await releaseMap(db, extents.map)
  return await writeParts(db, seal, parts)
}

/** Whole chunks: those that hold any of the span. */
async function chunksAround(
  db: BlobReads,
  seal: ServiceSeal,
  map: string,
  span: Span,
): Promise<readonly PlacedPart[]> {
  const rows = await listMapChunks(db, map, span)
  return rows.flatMap(({ start, sealed }) => placed(seal.chunk.open({ map, start }, sealed), start))
}

async function rewriteChunks(
  db: BlobWrites,
  seal: ServiceSeal,
  map: string,
  { before, after }: { readonly before: readonly PlacedPart[]; readonly after: readonly PlacedPart[] },
): Promise<void> {
  const first = before[0]?.start ?? after[0]?.start ?? 0
  const rows = await listMapChunks(db, map, { start: first, end: endOf(before) })
  await deleteMapChunks(
    db,
    map,
    rows.map(({ start }) => start),
  )
  await writeChunks(db, seal, map, after)
}

async function writeChunks(
  db: BlobWrites,
  seal: ServiceSeal,
  map: string,
  parts: readonly PlacedPart[],
): Promise<void> {
  for (let at = 0; at < parts.length; at += PARTS_A_CHUNK) {
    const chunk = parts.slice(at, at + PARTS_A_CHUNK)
    const start = chunk[0]?.start ?? 0
    await putMapChunk(db, { map, start, sealed: seal.chunk.seal({ map, start }, chunk.map(bare)) })
  }
}

/** Counts anew what the blob names of what it named before: a part that was cut in two is named twice. */
async function settleUses(
  db: BlobWrites,
  before: readonly PlacedPart[],
  kept: readonly PlacedPart[],
  now: number,
): Promise<void> {
  const counts = new Map<string, number>()
  for (const ref of refsOf(kept)) counts.set(ref, (counts.get(ref) ?? 0) + 1)
  for (const ref of refsOf(before)) counts.set(ref, (counts.get(ref) ?? 0) - 1)
  const of = (sign: number) =>
    [...counts].flatMap(([ref, count]) => Array.from({ length: Math.max(0, count * sign) }, () => ref))
  await useExtents(db, of(1))
  await releaseExtents(db, of(-1), now)
}

function placed(parts: readonly Part[], start: number): readonly PlacedPart[] {
  let at = start
  return parts.map((part) => {
    const here = { ...part, start: at }
    at += part.length
    return here
  })
}

function bare({ length, ref, at, block }: Part): Part {
  return { length, ref, at, ...(block === undefined ? {} : { block }) }
}

function endOf(parts: readonly PlacedPart[]): number {
  const last = parts.at(-1)
  return last === undefined ? 0 : last.start + last.length
}

function within(parts: readonly PlacedPart[], { start, end }: Span): readonly PlacedPart[] {
  return parts.filter((part) => part.start < end && part.start + part.length > start)
}

/** Of the parts, what lies in the span. */
function cut(parts: readonly PlacedPart[], span: Span): readonly PlacedPart[] {
  return within(parts, span).map((part) => {
    const start = Math.max(part.start, span.start)
    const end = Math.min(part.start + part.length, span.end)
    return { ...part, start, length: end - start, at: part.ref === null ? 0 : part.at + start - part.start }
  })
}

/** Neighbours that hold zeros, or continue one another, become one. */
function joined(parts: readonly PlacedPart[]): readonly PlacedPart[] {
  const made: PlacedPart[] = []
  for (const part of parts) {
    const last = made.at(-1)
    const isOne =
      last !== undefined &&
      last.ref === part.ref &&
      last.block === part.block &&
      (part.ref === null || last.at + last.length === part.at)
    if (isOne) made[made.length - 1] = { ...last, length: last.length + part.length }
    else if (part.length > 0) made.push(part)
  }
  return made
}
