import type { Bytes } from '../../kernel/bytes.ts'
import type { CustomerProvidedKey } from '../../crypto/customer-provided-key.ts'
import type { BlobExtentRow } from '../../store/records/blob/extents.ts'
import type { BlobDeps } from './blob-deps.ts'
import { getBlobForRead } from './blob-rows.ts'
import { type Conditions, assertReadable } from './conditions.ts'
import { openContent } from './content-seal.ts'
import { tellingDamageIn } from './damage.ts'
import { readExtents } from './extents.ts'
import { assertNotIncremental } from './incremental-only.ts'
import { assertLeaseForRead } from './lease.ts'
import type { BlobPath, BlobView } from './model.ts'
import { type Span, placed, within } from './parts.ts'
import { type MappedBlob, readMapped } from './read-mapped.ts'
import { openService } from './service-seal.ts'
import { assertNotArchived } from './tier.ts'
import { viewOf } from './view.ts'

export interface GetBlob {
  readonly conditions: Conditions
  readonly leaseId: string | null
  readonly customerKey: CustomerProvidedKey | null
}

export interface BlobContent {
  readonly view: BlobView
  /** Unsealed bytes of `span`, each checked before it is yielded; ends with the lease. @throws BlobFault `blob-archived` at once */
  read(span: Span, signal: AbortSignal): Bytes
}

/**
 * A blob's properties, its metadata and the way to its bytes. https://learn.microsoft.com/rest/api/storageservices/get-blob
 * @throws BlobFault; KeyringFault `key-refused`
 */
export async function getBlob(
  deps: BlobDeps,
  at: BlobPath,
  command: GetBlob,
  signal: AbortSignal,
): Promise<BlobContent> {
  const open = await openForRead(deps, at, command, signal)
  const { seal, state, content } = open
  return {
    view: await viewOf(deps, seal, state, content),
    read(span, ending) {
      assertNotIncremental(state.doc)
      assertNotArchived(state.doc, deps.stamp().now)
      return tellingDamageIn(readBlob(deps, open, span, ending))
    },
  }
}

export interface OpenBlob extends MappedBlob {
  /** The row of the extent that is all of it, where that was read with the blob's own. */
  readonly extent: BlobExtentRow | null
}

/** What every read of a blob begins with. */
export async function openForRead(
  deps: BlobDeps,
  at: BlobPath,
  { conditions, leaseId, customerKey }: GetBlob,
  signal: AbortSignal,
): Promise<OpenBlob> {
  const { records, keyring, stamp } = deps
  const { account } = at
  const seal = await openService(keyring, account)
  const { state, extent } = await getBlobForRead(records.read, seal, at)
  assertReadable(conditions, state.doc)
  assertLeaseForRead(state.doc.lease, leaseId, 'blob', stamp().now)
  const { encryption } = state.doc
  const content = await openContent(deps, account, { encryption, customerKey }, signal)
  return { seal, state, extent, content, conditions }
}

/** Yields the bytes of `span`. */
export function readBlob(
  deps: BlobDeps,
  blob: OpenBlob,
  span: Span,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const { state, content, extent } = blob
  const { extents } = state.doc
  if ('map' in extents) return readMapped(deps, blob, span, signal)
  const parts = within(placed(extents.parts, 0), span)
  return readExtents(deps, content, { parts, span, signal, known: extent })
}
