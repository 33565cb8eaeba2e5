import type { Bytes } from '../../kernel/bytes.ts'
import { MIB } from '../../kernel/units.ts'
import { beforeCommit } from '../../store/bytes/staged.ts'
import type { BlobWrites } from '../../store/records/blob/containers.ts'
import type { ContentSeal } from './content-seal.ts'
import { type OpenSource, type SourceDeps, tellingSource } from './copy-source.ts'
import { tellingDamageIn } from './damage.ts'
import { type PlacedPart, readParts, refsOf, writeParts } from './extent-map.ts'
import { type StagedExtent, commitExtent, partOf, readExtents, stageExtent } from './extents.ts'
import type { OpenBlob } from './get-blob.ts'
import type { ExtentsDoc, Part } from './model.ts'
import type { ServiceSeal } from './service-seal.ts'

/** A source's bytes, sealed for their destination: its parts are cut where the source's are, so that its blocks stay blocks. */
export interface CopiedExtents {
  readonly staged: readonly StagedExtent[]
  readonly parts: readonly Part[]
}

/** Small parts share an extent of about this length: a file for each block of a few bytes would cost more than it holds. */
const EXTENT_BYTES = 32 * MIB

export interface CopyOptions {
  readonly signal: AbortSignal
  /** Sees every chunk once, in order. Must not keep it. */
  readonly onPlain: (chunk: Uint8Array) => void | Promise<void>
}

/** Seals a source anew, part by part. Nothing stays behind when it fails. @throws SourceFault, and what sealing throws */
export async function copyExtents(
  deps: SourceDeps,
  { source, content }: { readonly source: OpenSource; readonly content: ContentSeal },
  options: CopyOptions,
): Promise<CopiedExtents> {
  const { bytes } = deps
  const staged: StagedExtent[] = []
  const stage = async (body: Bytes) => {
    const extent = await stageExtent(bytes, content, watched(body, options.onPlain), {
      signal: options.signal,
    })
    if (extent !== null) staged.push(extent)
    return extent
  }
  return await beforeCommit(bytes, staged, async () => {
    const { own } = source
    if (own === null) {
      const extent = await stage(source.read(options.signal))
      return { staged, parts: extent === null ? [] : [partOf(extent)] }
    }
    const parts: Part[] = []
    for (const group of grouped(await readParts(deps.records.read, own.seal, own.state.doc.extents))) {
      const extent = isZeros(group) ? null : await stage(readGroup(deps, own, group, options.signal))
      parts.push(...within(group, extent?.ref ?? null))
    }
    return { staged, parts }
  })
}

/** Parts that follow one another and go into one extent; zeros stay what they are. */
function grouped(parts: readonly PlacedPart[]): readonly (readonly PlacedPart[])[] {
  const groups: PlacedPart[][] = []
  let length = 0
  for (const part of parts) {
    const group = groups.at(-1)
    const fits = group !== undefined && length + part.length <= EXTENT_BYTES
    if (fits && !isZeros([part]) && !isZeros(group)) {
      group.push(part)
      length += part.length
    } else {
      groups.push([part])
      length = part.length
    }
  }
  return groups
}

function isZeros(parts: readonly PlacedPart[]): boolean {
  return parts[0]?.ref === null
}

function within(group: readonly PlacedPart[], ref: string | null): readonly Part[] {
  const first = group[0]?.start ?? 0
  return group.map(({ start, length, block }) => ({
    ref,
    at: ref === null ? 0 : start - first,
    length,
    ...(block === undefined ? {} : { block }),
  }))
}

function readGroup(
  deps: SourceDeps,
  { content }: OpenBlob,
  parts: readonly PlacedPart[],
  signal: AbortSignal,
): Bytes {
  const last = parts.at(-1)
  const span = { start: parts[0]?.start ?? 0, end: last === undefined ? 0 : last.start + last.length }
  return tellingSource(tellingDamageIn(readExtents(deps, content, { parts, span, signal })))
}

async function* watched(body: Bytes, onPlain: CopyOptions['onPlain']): AsyncGenerator<Uint8Array> {
  for await (const chunk of body) {
    await onPlain(chunk)
    yield chunk
  }
}

/** Makes the copied extents rows, each named by as many parts as lie in it. */
export async function commitCopied(
  db: BlobWrites,
  seal: ServiceSeal,
  { staged, parts }: CopiedExtents,
): Promise<ExtentsDoc> {
  const uses = new Map<string, number>()
  for (const ref of refsOf(parts)) uses.set(ref, (uses.get(ref) ?? 0) + 1)
  for (const extent of staged) await commitExtent(db, seal.account.uid, extent, uses.get(extent.ref) ?? 0)
  return await writeParts(db, seal, parts)
}
