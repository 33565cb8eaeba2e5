import type { BlobDeps } from './blob-deps.ts'
import { putBlobState } from './blob-rows.ts'
import { type ChangeOptions, changeBlob } from './change-blob.ts'
import { BlobFault } from './faults.ts'
import { type ImmutabilityPolicy, assertPolicyFits, assertVersionImmutability } from './immutability.ts'
import type { BlobPath } from './model.ts'

type Deps = Pick<BlobDeps, 'records' | 'keyring' | 'stamp'>

export interface SetImmutabilityPolicy extends Pick<ChangeOptions, 'conditions'> {
  readonly policy: ImmutabilityPolicy
}

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
    assertVersionImmutability(container.doc)
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
    assertVersionImmutability(container.doc)
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
    assertVersionImmutability(container.doc)
    await putBlobState(db, seal, { ...state, doc: { ...state.doc, hasLegalHold } })
  })
}

function extendsLocked(before: ImmutabilityPolicy, after: ImmutabilityPolicy): boolean {
  return after.mode === 'Locked' && after.until >= before.until
}
