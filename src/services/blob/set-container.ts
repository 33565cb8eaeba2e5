import type { BlobDeps } from './blob-deps.ts'
import { type ContainerOptions, changeContainer, editContainer, putContainer } from './change-container.ts'
import { type LeaseCommand, changeLease } from './change-lease.ts'
import type { ContainerState } from './container-rows.ts'
import { assertPublicAccessAllowed } from './containers.ts'
import type { ContainerDoc, ContainerPath, Metadata, PolicyDoc } from './model.ts'

type Deps = Pick<BlobDeps, 'records' | 'keyring' | 'stamp'>

export interface SetContainerMetadata extends ContainerOptions {
  readonly metadata: Metadata
}

/** https://learn.microsoft.com/rest/api/storageservices/set-container-metadata @throws BlobFault */
export async function setContainerMetadata(
  deps: Deps,
  at: ContainerPath,
  { metadata, ...options }: SetContainerMetadata,
): Promise<ContainerState> {
  return await editContainer(deps, at, options, () => ({ metadata }))
}

export interface SetContainerAcl extends ContainerOptions {
  readonly publicAccess: ContainerDoc['publicAccess']
  /** Five at most. */
  readonly policies: readonly PolicyDoc[]
}

/**
 * https://learn.microsoft.com/rest/api/storageservices/set-container-acl
 * @throws BlobFault; StorageAuthFault `public-access-not-permitted`
 */
export async function setContainerAcl(
  deps: Deps,
  at: ContainerPath,
  { publicAccess, policies, ...options }: SetContainerAcl,
): Promise<ContainerState> {
  assertPublicAccessAllowed(at.account, publicAccess)
  return await editContainer(deps, at, options, () => ({ publicAccess, policies }))
}

export interface LeaseContainer extends Pick<ContainerOptions, 'conditions'> {
  readonly command: LeaseCommand
}

/**
 * Guards it against being deleted; neither ETag nor Last-Modified change.
 * https://learn.microsoft.com/rest/api/storageservices/lease-container
 *
 * @throws BlobFault
 */
export async function leaseContainer(
  deps: Deps,
  at: ContainerPath,
  { command, conditions }: LeaseContainer,
): Promise<ContainerState> {
  return await changeContainer(deps, at, { conditions }, async ({ stamp: { now }, ...container }) => {
    const lease = changeLease(container.state.doc.lease, command, { about: 'container', now })
    return await putContainer(container, { lease })
  })
}
