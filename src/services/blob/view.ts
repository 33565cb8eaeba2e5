import { BASE } from '../../store/records/blob/blobs.ts'
import type { BlobDeps } from './blob-deps.ts'
import type { BlobState } from './blob-rows.ts'
import type { ContentSeal } from './content-seal.ts'
import type { BlobView, Metadata } from './model.ts'
import type { ServiceSeal } from './service-seal.ts'
import { tierAt } from './tier.ts'

/** @param content null: without the metadata, which alone needs the customer's key */
export async function viewOf(
  { accounts, stamp }: Pick<BlobDeps, 'accounts' | 'stamp'>,
  { account }: ServiceSeal,
  state: BlobState,
  content: Pick<ContentSeal, 'openMetadata'> | null,
): Promise<BlobView> {
  const { scope } = state.doc.encryption
  return viewAt(state, {
    now: stamp().now,
    metadata: content === null ? null : content.openMetadata(state.id, state.metadata),
    scopeName: scope === null ? null : ((await accounts.findScopeByUid(account, scope))?.name ?? null),
  })
}

interface Seen {
  readonly now: number
  /** Null: not asked for. */
  readonly metadata: Metadata | null
  readonly scopeName: string | null
}

export function viewAt(
  { name, moment, doc, deletedAt }: BlobState,
  { now, metadata, scopeName }: Seen,
): BlobView {
  const tier = tierAt(doc.tier, now)
  return {
    name,
    doc: tier === doc.tier ? doc : { ...doc, tier },
    snapshot: doc.kind === 'snapshot' ? moment : null,
    versionId: doc.kind === 'version' ? moment : doc.versionId,
    isCurrentVersion: doc.versionId !== null && moment === BASE && deletedAt === null,
    deletedAt,
    metadata,
    scopeName,
  }
}
