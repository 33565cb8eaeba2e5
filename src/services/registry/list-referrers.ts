import type { Page } from '../../kernel/page.ts'
import { MIB } from '../../kernel/units.ts'
import { listReferring } from '../../store/records/registry/manifests.ts'
import { findRepository } from '../../store/records/registry/repositories.ts'
import { assertUnlocked } from './attributes.ts'
import type { ContentDeps, RepositoryPath } from './content-deps.ts'
import type { Digest } from './digest.ts'
import { type ManifestDoc, openRegistry } from './registry-seal.ts'
import { lockOf } from './repository-rows.ts'

export interface ListReferrers extends RepositoryPath {
  readonly subject: Digest
  /** Null for all. */
  readonly artifactType: string | null
  readonly after: Digest | null
  readonly limit: number
}

/** Of a manifest that refers to the subject: OCI distribution-spec 1.1, "Listing Referrers". */
export interface Referrer {
  readonly mediaType: string
  readonly digest: Digest
  readonly size: number
  readonly artifactType?: string
  readonly annotations?: Readonly<Record<string, string>>
}

const ROWS_AT_ONCE = 100
/** Clients refuse larger manifests, and the answer is one. */
const MAX_PAGE_BYTES = 2 * MIB

/** Empty for a subject or repository that does not exist. @throws RegistryFault `operation-disallowed` */
export async function listReferrers(
  deps: Pick<ContentDeps, 'records' | 'keyring'>,
  { registry, name, subject, artifactType, after, limit }: ListReferrers,
  signal: AbortSignal,
): Promise<Page<Referrer, Digest>> {
  const { read } = deps.records
  const seal = await openRegistry(deps.keyring, registry, signal)
  const row = await findRepository(read, registry.uid, name)
  if (row === null) return { items: [], next: null }
  const repository = row.id
  assertUnlocked('read', lockOf({ name, doc: seal.repository.open({ id: repository, name }, row.sealed) }))
  const target = seal.indexOf(subject)
  const items: Referrer[] = []
  let bytes = 0
  let last: Uint8Array = after === null ? new Uint8Array(0) : seal.indexOf(after)
  for (;;) {
    const page = { kind: 'subject', target, after: last, limit: ROWS_AT_ONCE } as const
    const rows = await listReferring(read, repository, page)
    for (const { digest_index: index, sealed } of rows) {
      last = index
      const referrer = referrerOf(seal.manifest.open({ repository, index }, sealed), subject)
      if (referrer === null || (artifactType !== null && referrer.artifactType !== artifactType)) continue
      bytes += JSON.stringify(referrer).length
      const before = items.at(-1)
      if (before !== undefined && (items.length === limit || bytes > MAX_PAGE_BYTES)) {
        return { items, next: before.digest }
      }
      items.push(referrer)
    }
    if (rows.length < ROWS_AT_ONCE) return { items, next: null }
  }
}

function referrerOf(
  { digest, mediaType, size, attributes, referrer }: ManifestDoc,
  subject: Digest,
): Referrer | null {
  if (!attributes.listEnabled || referrer?.subject !== subject) return null
  const { artifactType, annotations } = referrer
  return {
    mediaType,
    digest,
    size,
    ...(artifactType === null ? {} : { artifactType }),
    ...(annotations === null ? {} : { annotations }),
  }
}
