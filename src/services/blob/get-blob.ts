import type { Bytes } from '../../kernel/bytes.ts'
import type { CustomerProvidedKey } from '../../crypto/customer-provided-key.ts'
import type { BlobDeps } from './blob-deps.ts'
import { getBlobState, placeOf } from './blob-rows.ts'
import { type Conditions, assertReadable } from './conditions.ts'
import { getContainer } from './container-rows.ts'
import { openContent } from './content-seal.ts'
import { tellingDamageIn } from './damage.ts'
import { type Span, readParts } from './extent-map.ts'
import { readExtents } from './extents.ts'
import { assertNotIncremental } from './incremental-only.ts'
import { assertLeaseForRead } from './lease.ts'
import type { BlobPath, BlobView } from './model.ts'
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

export type OpenBlob = MappedBlob

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
  const container = await getContainer(records.read, seal, at.container)
  const state = await getBlobState(records.read, seal, placeOf(container, at))
  assertReadable(conditions, state.doc)
  assertLeaseForRead(state.doc.lease, leaseId, 'blob', stamp().now)
  const { encryption } = state.doc
  const content = await openContent(deps, account, { encryption, customerKey }, signal)
  return { seal, state, content, conditions }
}

/** Yields the bytes of `span`. */
export async function* readBlob(
  deps: BlobDeps,
  blob: OpenBlob,
  span: Span,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  if (span.start === span.end) return
  const { seal, state, content } = blob
  if ('map' in state.doc.extents) {
    yield* readMapped(deps, blob, span, signal)
    return
  }
  const parts = await readParts(deps.records.read, seal, state.doc.extents, span)
  yield* readExtents(deps, content, { parts, span, signal })
}
