import { BlobFault } from './faults.ts'
import type { BlobDoc, CopyDoc } from './model.ts'

interface Copied extends Pick<BlobDoc, 'kind'> {
  readonly copy: Pick<CopyDoc, 'isIncremental'> | null
}

/**
 * Where incremental copies go, nothing else does: only its snapshots are read, and only further copies change it.
 * https://learn.microsoft.com/rest/api/storageservices/incremental-copy-blob#remarks
 *
 * @throws BlobFault `incremental-copy-only`
 */
export function assertNotIncremental({ kind, copy }: Copied): void {
  if (kind === 'base' && copy?.isIncremental === true) throw new BlobFault('incremental-copy-only', {})
}
