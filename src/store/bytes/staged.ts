import { KIB } from '../../kernel/units.ts'
import type { BytesRef } from './byte-store.ts'
import type { SealedBytes } from './sealed.ts'

/** Bodies up to this length stand in their row: one transaction instead of a file, a rename and two syncs. */
export const MAX_INLINE_BYTES = 16 * KIB

/** Sealed bytes that no row names yet: durable in the byte store, or about to go into the row itself. Null: an empty body. */
export type Staged = { readonly ref: string; readonly is_inline: number } | null

/** Runs what comes between staging and commit: whatever fails there, nothing was committed, and the bytes may go. */
export async function beforeCommit<T>(
  bytes: Pick<SealedBytes, 'discard'>,
  staged: readonly Staged[],
  step: () => Promise<T>,
): Promise<T> {
  try {
    return await step()
  } catch (error) {
    await discardBytes(bytes, filesOf(staged))
    throw error
  }
}

/**
 * Runs the commit that makes staged bytes reachable. Only a refusal proves that nothing was committed: after any other
 * failure a row may point at the bytes, and the sweeper decides.
 */
export async function committing<T>(
  bytes: Pick<SealedBytes, 'discard'>,
  staged: readonly Staged[],
  {
    commit,
    isRefusal,
  }: { readonly commit: () => Promise<T>; readonly isRefusal: (error: unknown) => boolean },
): Promise<T> {
  try {
    return await commit()
  } catch (error) {
    if (isRefusal(error)) await discardBytes(bytes, filesOf(staged))
    throw error
  }
}

export function filesOf(staged: readonly Staged[]): readonly string[] {
  return staged.flatMap((extent) => (extent === null || extent.is_inline === 1 ? [] : [extent.ref]))
}

/** Frees what no row names any more. What cannot be discarded now is an orphan, which the sweeper finds. */
export async function discardBytes(
  bytes: Pick<SealedBytes, 'discard'>,
  refs: readonly string[],
): Promise<void> {
  await Promise.allSettled(refs.map(async (ref) => await bytes.discard(ref as BytesRef)))
}
