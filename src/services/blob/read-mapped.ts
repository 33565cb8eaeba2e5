import type { Bytes } from '../../kernel/bytes.ts'
import { KIB } from '../../kernel/units.ts'
import type { BlobReads } from '../../store/records/blob/containers.ts'
import { inSnapshot } from '../../store/records/snapshot.ts'
import type { BlobDeps } from './blob-deps.ts'
import { type BlobState, findBlob } from './blob-rows.ts'
import { type Conditions, assertReadable } from './conditions.ts'
import type { ContentSeal } from './content-seal.ts'
import { type PlacedPart, type Span, partsIn } from './extent-map.ts'
import { readExtents } from './extents.ts'
import { endOf } from './parts.ts'
import type { ServiceSeal } from './service-seal.ts'

/** So many are in memory: a blob may have millions. */
const PARTS_AT_ONCE = 4096
const GATHERED_BYTES = 32 * KIB

export interface MappedBlob {
  readonly seal: ServiceSeal
  readonly state: BlobState
  readonly content: ContentSeal
  /** What the reader asked for: checked once more where the bytes are found, since pages change in place. */
  readonly conditions: Conditions
}

/** Yields the bytes of `span` of a blob whose parts stand in a map. @throws BlobFault `condition-not-met`, `content-damaged` */
export async function* readMapped(
  deps: Pick<BlobDeps, 'records' | 'bytes'>,
  blob: MappedBlob,
  span: Span,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const { read } = deps.records
  for (let { start } = span; start < span.end;) {
    const isFirst = start === span.start
    const rest = { start, end: span.end }
    const parts = await inSnapshot(read, async (db) => {
      if (isFirst) await assertAsRead(db, blob)
      return await someParts(db, blob, rest)
    })
    const last = parts.at(-1)
    const end = last === undefined ? span.end : Math.min(span.end, endOf(last))
    yield* gathered(readExtents(deps, blob.content, { parts, span: { start, end }, signal }))
    start = end
  }
}

/** Small chunks become larger ones: each has its price all the way to the client. */
async function* gathered(bytes: Bytes): AsyncGenerator<Uint8Array> {
  const small: Uint8Array[] = []
  let length = 0
  for await (const chunk of bytes) {
    if (length > 0 && length + chunk.length > GATHERED_BYTES) {
      yield Buffer.concat(small.splice(0))
      length = 0
    }
    if (chunk.length >= GATHERED_BYTES) {
      yield chunk
      continue
    }
    small.push(chunk)
    length += chunk.length
  }
  if (length > 0) yield Buffer.concat(small)
}

async function assertAsRead(db: BlobReads, { seal, state, conditions }: MappedBlob): Promise<void> {
  const now = await findBlob(db, seal, state)
  // Another map in its place, or none, leaves this one alone until reads under way have had their time.
  if (now === null || mapOf(now) !== mapOf(state)) return
  if (now.doc.etag !== state.doc.etag) assertReadable(conditions, now.doc)
}

function mapOf({ doc: { extents } }: BlobState): string | null {
  return 'map' in extents ? extents.map : null
}

async function someParts(
  db: BlobReads,
  { seal, state }: MappedBlob,
  span: Span,
): Promise<readonly PlacedPart[]> {
  const found: PlacedPart[] = []
  for await (const parts of partsIn(db, seal, state.doc.extents, span)) {
    found.push(...parts)
    if (found.length >= PARTS_AT_ONCE) break
  }
  return found
}
