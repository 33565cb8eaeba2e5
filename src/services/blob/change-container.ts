import { type BlobWrites, updateContainer } from '../../store/records/blob/containers.ts'
import type { BlobDeps } from './blob-deps.ts'
import { type Conditions, assertWritable } from './conditions.ts'
import { type ContainerState, getContainer } from './container-rows.ts'
import { assertLeaseForRead } from './lease.ts'
import type { ContainerDoc, ContainerPath } from './model.ts'
import { type ServiceSeal, openService } from './service-seal.ts'
import type { Stamp } from './stamps.ts'

type Deps = Pick<BlobDeps, 'records' | 'keyring' | 'stamp'>

/** What a change of a container is subject to. */
export interface ContainerOptions {
  readonly conditions: Conditions
  readonly leaseId: string | null
}

/** What is there, within the transaction that changes it. */
export interface ContainerInChange {
  readonly db: BlobWrites
  readonly seal: ServiceSeal
  readonly state: ContainerState
  readonly stamp: Stamp
}

/**
 * Runs `work` as one transaction on a container that meets the conditions. The rest is up to `work`.
 * @throws BlobFault `container-not-found`, `condition-not-met`
 */
export async function changeContainer<T>(
  { records, keyring, stamp }: Deps,
  { account, container }: ContainerPath,
  { conditions }: Pick<ContainerOptions, 'conditions'>,
  work: (container: ContainerInChange) => Promise<T>,
): Promise<T> {
  const seal = await openService(keyring, account)
  return await records.write(async (db) => {
    const state = await getContainer(db, seal, container)
    assertWritable(conditions, state.doc)
    return await work({ db, seal, state, stamp: stamp() })
  })
}

/**
 * Changes what users see of it: it has another ETag and another time of its last change.
 * @throws BlobFault `container-not-found`, `condition-not-met`, `lease-id-mismatch`, `lease-not-present`, `lease-lost`
 */
export async function editContainer(
  deps: Deps,
  at: ContainerPath,
  options: ContainerOptions,
  edit: (doc: ContainerDoc) => Partial<ContainerDoc>,
): Promise<ContainerState> {
  return await changeContainer(deps, at, options, async ({ db, seal, state, stamp: { now, etag } }) => {
    assertLeaseForRead(state.doc.lease, options.leaseId, 'container', now)
    return await putContainer({ db, seal, state }, { ...edit(state.doc), etag, modifiedAt: now })
  })
}

export async function putContainer(
  { db, seal, state: { id, name, doc } }: Omit<ContainerInChange, 'stamp'>,
  change: Partial<ContainerDoc>,
): Promise<ContainerState> {
  const changed = { ...doc, ...change }
  await updateContainer(db, id, { sealed: seal.container.seal({ id, name }, changed) })
  return { id, name, doc: changed }
}
