import { BlobFault } from './faults.ts'
import type { CopyDoc } from './model.ts'

/**
 * Where incremental copies go, nothing else does: only its snapshots are read, and only further copies change it.
 * https://learn.microsoft.com/rest/api/storageservices/incremental-copy-blob#remarks
 *
 * @throws BlobFault `incremental-copy-only`
 */
export function assertNotIncremental({
  copy,
}: {
  readonly copy: Pick<CopyDoc, 'isIncremental'> | null
}): void {
  if (copy?.isIncremental === true) throw new BlobFault('incremental-copy-only', {})
}
