import type { BlobDeps } from './blob-deps.ts'
import { getBlobTags, setBlobTags } from './blob-tags.ts'
import { deleteBlob } from './delete-blob.ts'
import { findBlobs } from './find-blobs.ts'
import { leaseBlob } from './lease-blob.ts'
import { setBlobMetadata } from './set-blob-metadata.ts'
import { setBlobProperties } from './set-blob-properties.ts'
import { setBlobTier } from './set-blob-tier.ts'
import { deleteImmutabilityPolicy, setImmutabilityPolicy, setLegalHold } from './set-immutability.ts'
import { snapshotBlob } from './snapshot-blob.ts'
import { undeleteBlob } from './undelete-blob.ts'

type Bound<F> = F extends (deps: never, ...rest: infer R) => infer T ? (...rest: R) => T : never

/** What is done to a blob, a snapshot or a version that is there, whatever its type: its bytes stay as they are. */
export interface BlobStates {
  readonly setBlobMetadata: Bound<typeof setBlobMetadata>
  readonly setBlobProperties: Bound<typeof setBlobProperties>
  readonly getBlobTags: Bound<typeof getBlobTags>
  readonly setBlobTags: Bound<typeof setBlobTags>
  readonly findBlobs: Bound<typeof findBlobs>
  readonly setBlobTier: Bound<typeof setBlobTier>
  readonly snapshotBlob: Bound<typeof snapshotBlob>
  readonly deleteBlob: Bound<typeof deleteBlob>
  readonly undeleteBlob: Bound<typeof undeleteBlob>
  readonly leaseBlob: Bound<typeof leaseBlob>
  readonly setImmutabilityPolicy: Bound<typeof setImmutabilityPolicy>
  readonly deleteImmutabilityPolicy: Bound<typeof deleteImmutabilityPolicy>
  readonly setLegalHold: Bound<typeof setLegalHold>
}

export function blobStates(deps: BlobDeps): BlobStates {
  return {
    setBlobMetadata: (path, command, signal) => setBlobMetadata(deps, path, command, signal),
    setBlobProperties: (path, command) => setBlobProperties(deps, path, command),
    getBlobTags: (path, options) => getBlobTags(deps, path, options),
    setBlobTags: (path, command) => setBlobTags(deps, path, command),
    findBlobs: (account, query) => findBlobs(deps, account, query),
    setBlobTier: (path, command, signal) => setBlobTier(deps, path, command, signal),
    snapshotBlob: (path, command, signal) => snapshotBlob(deps, path, command, signal),
    deleteBlob: (path, command) => deleteBlob(deps, path, command),
    undeleteBlob: (path) => undeleteBlob(deps, path),
    leaseBlob: (path, command) => leaseBlob(deps, path, command),
    setImmutabilityPolicy: (path, command) => setImmutabilityPolicy(deps, path, command),
    deleteImmutabilityPolicy: (path, options) => deleteImmutabilityPolicy(deps, path, options),
    setLegalHold: (path, command) => setLegalHold(deps, path, command),
  }
}
