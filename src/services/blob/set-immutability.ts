import { DAY_MS } from '../../kernel/units.ts'
import type { BlobDeps } from './blob-deps.ts'
import { putBlobState } from './blob-rows.ts'
import { type ChangeOptions, changeBlob } from './change-blob.ts'
import type { ContainerState } from './container-rows.ts'
import { BlobFault } from './faults.ts'
import type { BlobDoc, BlobPath } from './model.ts'

type Deps = Pick<BlobDeps, 'records' | 'keyring' | 'stamp'>

export type ImmutabilityPolicy = NonNullable<BlobDoc['immutability']>

export interface SetImmutabilityPolicy extends Pick<ChangeOptions, 'conditions'> {
  readonly policy: ImmutabilityPolicy
}

/** Four hundred years: what Azure takes for a container. */
const MAX_DAYS = 146_000

/**
 * Sets until when a blob, a snapshot or a version may not be changed. A locked policy may only be extended.
 * https://learn.microsoft.com/rest/api/storageservices/set-blob-immutability-policy
 *
 * @throws BlobFault `feature-disabled`, `immutability-invalid`, `blob-immutable`
 */
export async function setImmutabilityPolicy(
  deps: Deps,
  at: BlobPath,
  { policy, conditions }: SetImmutabilityPolicy,
): Promise<ImmutabilityPolicy> {
  return await changeBlob(deps, at, { conditions }, async ({ db, seal, container, state, stamp }) => {
    const { doc } = state
    assertEnabled(container)
    assertPolicyFits(policy, stamp.now)
    if (doc.immutability?.mode === 'Locked' && !extendsLocked(doc.immutability, policy))
      throw new BlobFault('blob-immutable', { cause: 'policy' })
    await putBlobState(db, seal, { ...state, doc: { ...doc, immutability: policy } })
    return policy
  })
}

/** https://learn.microsoft.com/rest/api/storageservices/delete-blob-immutability-policy @throws BlobFault */
export async function deleteImmutabilityPolicy(
  deps: Deps,
  at: BlobPath,
  options: Pick<ChangeOptions, 'conditions'>,
): Promise<void> {
  await changeBlob(deps, at, options, async ({ db, seal, container, state }) => {
    const { doc } = state
    assertEnabled(container)
    if (doc.immutability?.mode === 'Locked') throw new BlobFault('blob-immutable', { cause: 'policy' })
    await putBlobState(db, seal, { ...state, doc: { ...doc, immutability: null } })
  })
}

export interface SetLegalHold extends Pick<ChangeOptions, 'conditions'> {
  readonly hasLegalHold: boolean
}

/** https://learn.microsoft.com/rest/api/storageservices/set-blob-legal-hold @throws BlobFault */
export async function setLegalHold(
  deps: Deps,
  at: BlobPath,
  { hasLegalHold, conditions }: SetLegalHold,
): Promise<void> {
  await changeBlob(deps, at, { conditions }, async ({ db, seal, container, state }) => {
    assertEnabled(container)
    await putBlobState(db, seal, { ...state, doc: { ...state.doc, hasLegalHold } })
  })
}

function assertEnabled({ doc }: ContainerState): void {
  if (!doc.hasVersionImmutability)
    throw new BlobFault('feature-disabled', { feature: 'Immutable storage with versioning' })
}

function assertPolicyFits({ until }: ImmutabilityPolicy, now: number): void {
  if (until <= now)
    throw new BlobFault('immutability-invalid', { reason: 'the policy would have expired already' })
  if (until > now + MAX_DAYS * DAY_MS)
    throw new BlobFault('immutability-invalid', { reason: `a policy holds for up to ${MAX_DAYS} days` })
}

function extendsLocked(before: ImmutabilityPolicy, after: ImmutabilityPolicy): boolean {
  return after.mode === 'Locked' && after.until >= before.until
}
