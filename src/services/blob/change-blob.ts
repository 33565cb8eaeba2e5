import type { BlobWrites } from '../../store/records/blob/containers.ts'
import type { BlobDeps } from './blob-deps.ts'
import { type BlobState, getBlobState, placeOf } from './blob-rows.ts'
import { type Conditions, assertWritable } from './conditions.ts'
import { type ContainerState, getContainer } from './container-rows.ts'
import { type ImmutableChange, assertMayChange } from './immutability.ts'
import type { BlobPath } from './model.ts'
import { type ServiceSeal, openService } from './service-seal.ts'
import type { Stamp } from './stamps.ts'

/** What a change of a blob that is there is subject to. */
export interface ChangeOptions {
  readonly conditions: Conditions
  readonly leaseId: string | null
}

/** What is there, within the transaction that changes it. */
export interface BlobInChange {
  readonly db: BlobWrites
  readonly seal: ServiceSeal
  readonly container: ContainerState
  readonly state: BlobState
  readonly stamp: Stamp
}

/**
 * Runs `work` as one transaction on a blob, a snapshot or a version that meets the conditions. The rest is up to `work`.
 * @throws BlobFault `container-not-found`, `blob-not-found`, `condition-not-met`
 */
export async function changeBlob<T>(
  { records, keyring, stamp }: Pick<BlobDeps, 'records' | 'keyring' | 'stamp'>,
  at: BlobPath,
  { conditions }: Pick<ChangeOptions, 'conditions'>,
  work: (blob: BlobInChange) => Promise<T>,
): Promise<T> {
  const seal = await openService(keyring, at.account)
  return await records.write(async (db) => {
    const container = await getContainer(db, seal, at.container)
    const state = await getBlobState(db, seal, placeOf(container, at))
    assertWritable(conditions, state.doc)
    return await work({ db, seal, container, state, stamp: stamp() })
  })
}

/** @throws BlobFault `blob-immutable` */
export function assertMutable(
  change: ImmutableChange,
  { container, state, stamp }: Pick<BlobInChange, 'container' | 'state' | 'stamp'>,
): void {
  assertMayChange(change, { container: container.doc, blob: state.doc, now: stamp.now, isKept: false })
}
