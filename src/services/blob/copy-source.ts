import type { CustomerProvidedKey } from '../../crypto/customer-provided-key.ts'
import type { Bytes } from '../../kernel/bytes.ts'
import { Fault } from '../../kernel/fault.ts'
import type { BlobDeps } from './blob-deps.ts'
import type { Conditions } from './conditions.ts'
import { tellingDamageIn } from './damage.ts'
import type { Span } from './extent-map.ts'
import { KeyringFault } from '../keyring/keyring.ts'
import { BlobFault } from './faults.ts'
import { type OpenBlob, openForRead, readBlob } from './get-blob.ts'
import { assertNotIncremental } from './incremental-only.ts'
import type { BlobDoc, BlobPath, Metadata } from './model.ts'
import { assertNotArchived } from './tier.ts'

/** What a copy reads: a blob of this installation, whose reader was admitted already, or what another server serves. */
export type CopySource = OwnSource | ForeignSource

export interface OwnSource {
  readonly kind: 'own'
  readonly at: BlobPath
}

export interface ForeignSource {
  readonly kind: 'foreign'
  /** https. */
  readonly url: string
  /** A token for it: the other server decides what it is good for. */
  readonly bearer: string | null
}

export interface WantedSource {
  readonly source: CopySource
  readonly conditions: Conditions
  /** What the source is sealed under, if it is under a client's key. */
  readonly customerKey: CustomerProvidedKey | null
}

/** A source as it was found. */
export interface OpenSource {
  readonly doc: Pick<BlobDoc, 'type' | 'length' | 'headers' | 'sequenceNumber' | 'blockCount'>
  /** Without quotes; of another server's, as it came. */
  readonly etag: string
  readonly metadata: Metadata
  /** Null for what is another server's. */
  readonly own: OpenBlob | null
  /** What was asked for, once. @throws SourceFault, BlobFault `copy-source-unreachable` when it ends early */
  read(signal: AbortSignal): Bytes
  /** For whoever does not read it. */
  close(): void
}

/** What another server answers with. */
export interface ForeignContent extends Omit<OpenSource, 'own' | 'doc'> {
  readonly doc: Pick<BlobDoc, 'type' | 'length' | 'headers'>
}

/** Reads what servers elsewhere serve to anyone who knows the URL. Never leads to this installation, nor into its network. */
export interface ForeignSources {
  /**
   * @param range null: all of it
   * @throws BlobFault `copy-source-unreachable`, `copy-source-refused`, `copy-source-invalid`, `source-condition-not-met`
   */
  open(
    source: ForeignSource,
    wanted: { readonly range: Span | null; readonly conditions: Conditions },
    signal: AbortSignal,
  ): Promise<ForeignContent>
}

interface SourceFaults {
  /** Whoever asked for the copy may read the source, and yet it does not open: what a read of it would have been told. */
  'source-refused': { readonly refusal: Error }
}

export class SourceFault extends Fault<SourceFaults> {
  override readonly name = 'SourceFault'
}

export type SourceDeps = BlobDeps & { readonly foreign: ForeignSources }

/**
 * @param range null: all of it
 * @throws SourceFault `source-refused`; BlobFault `source-condition-not-met`, and those of ForeignSources
 */
export async function openSource(
  deps: SourceDeps,
  wanted: WantedSource,
  range: Span | null,
  signal: AbortSignal,
): Promise<OpenSource> {
  const { source, conditions } = wanted
  if (source.kind === 'own') return await openOwn(deps, source.at, { wanted, range }, signal)
  const found = await deps.foreign.open(source, { range, conditions }, signal)
  const { doc, etag, metadata } = found
  return {
    doc: { ...doc, sequenceNumber: null, blockCount: null },
    etag,
    metadata,
    own: null,
    read: (ending) => found.read(ending),
    close: () => found.close(),
  }
}

/** The bytes alone, opened with the first of them: whoever takes them has checked everything else by then. */
export async function* sourceBytes(
  deps: SourceDeps,
  wanted: WantedSource,
  range: Span | null,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const source = await openSource(deps, wanted, range, signal)
  yield* source.read(signal)
}

async function openOwn(
  deps: SourceDeps,
  at: BlobPath,
  { wanted, range }: { readonly wanted: WantedSource; readonly range: Span | null },
  signal: AbortSignal,
): Promise<OpenSource> {
  const { conditions, customerKey } = wanted
  const own = await telling(async () => {
    const open = await openForRead(deps, at, { conditions, leaseId: null, customerKey }, signal)
    assertNotIncremental(open.state.doc)
    return open
  })
  const { state, content } = own
  const { doc } = state
  return {
    doc,
    etag: doc.etag,
    metadata: content.openMetadata(state.id, state.metadata),
    own,
    read: (ending) => tellingSource(readOwn(deps, own, range, ending)),
    close: () => undefined,
  }
}

async function* readOwn(
  deps: SourceDeps,
  own: OpenBlob,
  range: Span | null,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const { doc } = own.state
  assertNotArchived(doc, deps.stamp().now)
  if (range !== null && range.start >= doc.length) throw new BlobFault('range-invalid', { size: doc.length })
  const span = { start: range?.start ?? 0, end: Math.min(range?.end ?? doc.length, doc.length) }
  yield* tellingDamageIn(readBlob(deps, own, span, signal))
}

/** Runs what reads a source of this installation. @throws SourceFault in place of what a read of it is refused with */
export async function telling<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw asSourceFault(error)
  }
}

/** The same for bytes as they are read. */
export async function* tellingSource(bytes: Bytes): AsyncGenerator<Uint8Array> {
  try {
    yield* bytes
  } catch (error) {
    throw asSourceFault(error)
  }
}

const unmet: ReadonlySet<string> = new Set(['condition-not-met', 'not-modified', 'condition-unsatisfiable'])

function asSourceFault(error: unknown): unknown {
  if (error instanceof BlobFault && unmet.has(String(error.code))) {
    return new BlobFault('source-condition-not-met', {})
  }
  const isRefusal = error instanceof BlobFault || error instanceof KeyringFault
  return isRefusal ? new SourceFault('source-refused', { refusal: error }, { cause: error }) : error
}
