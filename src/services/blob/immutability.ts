import { DAY_MS } from '../../kernel/units.ts'
import { BlobFault } from './faults.ts'
import type { BlobDoc, ContainerDoc } from './model.ts'

/**
 * What a write does to a blob: another takes its place (`replace`), its bytes, pages or metadata change (`change`), its HTTP
 * headers change (`properties`), bytes come at its end (`append`), it is copied within the container (`snapshot`), or goes.
 */
export type ImmutableChange = 'replace' | 'change' | 'properties' | 'append' | 'snapshot' | 'delete'

interface Protected {
  readonly container: Pick<ContainerDoc, 'immutability' | 'legalHoldTags' | 'hasVersionImmutability'>
  readonly blob: Pick<BlobDoc, 'type' | 'createdAt' | 'modifiedAt' | 'immutability' | 'hasLegalHold'>
  /** Milliseconds since 1970. */
  readonly now: number
  /** Whether what is replaced stays as a version. */
  readonly isKept: boolean
}

/**
 * Write once, read many, for a container as a whole or for single versions.
 * https://learn.microsoft.com/azure/storage/blobs/immutable-container-level-worm-policies#scenarios and
 * immutable-version-level-worm-policies#scenarios
 *
 * @throws BlobFault `blob-immutable`
 */
export function assertMayChange(change: ImmutableChange, blob: Protected): void {
  assertContainerAllows(change, blob)
  assertVersionAllows(change, blob)
}

function assertContainerAllows(change: ImmutableChange, { container, blob, now }: Protected): void {
  const { immutability, legalHoldTags, hasVersionImmutability } = container
  if (legalHoldTags.length > 0) throw new BlobFault('blob-immutable', { cause: 'legal-hold' })
  // Of a container with version-level immutability it is what new blobs get.
  if (immutability === null || hasVersionImmutability) return
  if (change === 'append' && immutability.allowsAppends) return
  const isGrowing = blob.type === 'AppendBlob' && immutability.allowsAppends
  const since = isGrowing ? blob.modifiedAt : blob.createdAt
  // When its time is over, it may be deleted, and still not be changed.
  if (change === 'delete' && now >= since + immutability.days * DAY_MS) return
  throw new BlobFault('blob-immutable', { cause: 'policy' })
}

function assertVersionAllows(change: ImmutableChange, { blob, now, isKept }: Protected): void {
  if (change === 'properties' || change === 'snapshot') return
  if (change === 'replace' && isKept) return
  if (blob.hasLegalHold) throw new BlobFault('blob-immutable', { cause: 'legal-hold' })
  if (blob.immutability === null) return
  if (change === 'delete' && now >= blob.immutability.until) return
  throw new BlobFault('blob-immutable', { cause: 'policy' })
}

/** Until when a blob may not be changed. */
export type ImmutabilityPolicy = NonNullable<BlobDoc['immutability']>

/** Four hundred years: what Azure takes for a container. */
const MAX_DAYS = 146_000

/** @throws BlobFault `immutability-invalid` */
export function assertPolicyFits({ until }: ImmutabilityPolicy, now: number): void {
  if (until <= now)
    throw new BlobFault('immutability-invalid', { reason: 'the policy would have expired already' })
  if (until > now + MAX_DAYS * DAY_MS)
    throw new BlobFault('immutability-invalid', { reason: `a policy holds for up to ${MAX_DAYS} days` })
}

/** Only there a blob has a policy and a hold of its own. @throws BlobFault `feature-disabled` */
export function assertVersionImmutability({
  hasVersionImmutability,
}: Pick<ContainerDoc, 'hasVersionImmutability'>): void {
  if (!hasVersionImmutability)
    throw new BlobFault('feature-disabled', { feature: 'Immutable storage with versioning' })
}

/** What a new blob is to be protected by from its first moment. @throws BlobFault `feature-disabled`, `immutability-invalid` */
export function assertMayProtect(
  container: Pick<ContainerDoc, 'hasVersionImmutability'>,
  {
    immutability = null,
    hasLegalHold = false,
  }: { readonly immutability?: ImmutabilityPolicy | null; readonly hasLegalHold?: boolean },
  now: number,
): void {
  if (immutability === null && !hasLegalHold) return
  assertVersionImmutability(container)
  if (immutability !== null) assertPolicyFits(immutability, now)
}

/** What a new blob gets from its container; a policy of its own comes before it. */
export function inheritedImmutability(
  { immutability, hasVersionImmutability }: Pick<ContainerDoc, 'immutability' | 'hasVersionImmutability'>,
  now: number,
): BlobDoc['immutability'] {
  if (!hasVersionImmutability || immutability === null) return null
  const mode = immutability.isLocked ? 'Locked' : 'Unlocked'
  return { until: now + immutability.days * DAY_MS, mode }
}
