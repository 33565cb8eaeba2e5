import { BlobFault } from './faults.ts'
import type { CopyDoc } from './model.ts'

/** What a copy is under way to is nobody else's to change. @throws BlobFault `copy-pending` */
export function assertNotCopying(blob: { readonly copy?: Pick<CopyDoc, 'status'> | null } | null): void {
  if (blob?.copy?.status === 'pending') throw new BlobFault('copy-pending', {})
}
