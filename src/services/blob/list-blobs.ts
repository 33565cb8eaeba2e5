import type { BlobDeps } from './blob-deps.ts'
import type { BlobState } from './blob-rows.ts'
import { getContainer } from './container-rows.ts'
import { type ContentSeal, openContent } from './content-seal.ts'
import { type FoundBlob, type ListBlobs, type ShownPage, listPage } from './list-page.ts'
import type { BlobView, ContainerPath } from './model.ts'
import { type ServiceSeal, openService } from './service-seal.ts'
import { viewAt } from './view.ts'

export type ListedBlob =
  | { readonly blob: BlobView; readonly hasVersionsOnly: boolean }
  | { readonly uncommitted: { readonly name: string; readonly createdAt: number } }
  | { readonly prefix: string }

export interface BlobListing<T> {
  readonly query: ListBlobs
  /** Makes of some, in their order, what the caller wants of them: then they may go. */
  readonly show: (some: readonly ListedBlob[]) => T
}

/**
 * In the order of names; of one name, by time, the base blob last. Needs the customer's key for metadata alone.
 * https://learn.microsoft.com/rest/api/storageservices/list-blobs
 *
 * @throws BlobFault `container-not-found`; with metadata, KeyringFault `key-refused`
 */
export async function listBlobs<T>(
  deps: BlobDeps,
  { account, container: name }: ContainerPath,
  { query, show }: BlobListing<T>,
  signal: AbortSignal,
): Promise<ShownPage<T>> {
  const { records, keyring } = deps
  const seal = await openService(keyring, account)
  const container = await getContainer(records.read, seal, name)
  const shown = async (items: readonly FoundBlob[]) => {
    const present = await presenter(deps, seal, { items, withMetadata: query.include.metadata }, signal)
    return show(items.map(present))
  }
  return await listPage({ db: records.read, seal, show: shown }, container.id, query, signal)
}

/** Looks up each scope once: what is awaited for each blob would take longer than all else. */
async function presenter(
  deps: BlobDeps,
  { account }: ServiceSeal,
  { items, withMetadata }: { readonly items: readonly FoundBlob[]; readonly withMetadata: boolean },
  signal: AbortSignal,
): Promise<(found: FoundBlob) => ListedBlob> {
  const states = items.flatMap((found) => ('state' in found ? [found.state] : []))
  const scopes = new Set(states.map(({ doc }) => doc.encryption.scope))
  const names = new Map<string | null, string | null>()
  for (const uid of scopes)
    if (uid !== null) names.set(uid, (await deps.accounts.findScopeByUid(account, uid))?.name ?? null)
  const contents = new Map<string | null, ContentSeal>()
  // Of an empty list too: whether it may be seen does not depend on what is in it.
  if (withMetadata) {
    for (const scope of scopes.size === 0 ? [null] : scopes) {
      const encryption = { scope, keySha256: null }
      contents.set(scope, await openContent(deps, account, { encryption, customerKey: null }, signal))
    }
  }
  const { now } = deps.stamp()
  return (found) => {
    if (!('state' in found)) return found
    const { state, hasVersionsOnly } = found
    const { scope } = state.doc.encryption
    const metadata = metadataOf(state, contents.get(scope) ?? null)
    return { blob: viewAt(state, { now, metadata, scopeName: names.get(scope) ?? null }), hasVersionsOnly }
  }
}

/** @returns null also for what only a client's own key opens */
function metadataOf({ id, doc, metadata }: BlobState, content: ContentSeal | null): BlobView['metadata'] {
  return content === null || doc.encryption.keySha256 !== null ? null : content.openMetadata(id, metadata)
}
