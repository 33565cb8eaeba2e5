import { BASE } from '../../store/records/blob/blobs.ts'
import type { BlobDeps } from './blob-deps.ts'
import type { BlobState } from './blob-rows.ts'
import type { ContentSeal } from './content-seal.ts'
import type { BlobView } from './model.ts'
import type { ServiceSeal } from './service-seal.ts'

/** @param content null: without the metadata, which alone needs the customer's key */
export async function viewOf(
  { accounts }: Pick<BlobDeps, 'accounts'>,
  { account }: ServiceSeal,
  { name, moment, id, doc, deletedAt, metadata }: BlobState,
  content: Pick<ContentSeal, 'openMetadata'> | null,
): Promise<BlobView> {
  const { scope } = doc.encryption
  return {
    name,
    doc,
    snapshot: doc.kind === 'snapshot' ? moment : null,
    versionId: doc.kind === 'version' ? moment : doc.versionId,
    isCurrentVersion: doc.versionId !== null && moment === BASE && deletedAt === null,
    deletedAt,
    metadata: content === null ? null : content.openMetadata(id, metadata),
    scopeName: scope === null ? null : ((await accounts.findScopeByUid(account, scope))?.name ?? null),
  }
}
