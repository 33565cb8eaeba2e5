import { SealFault } from '../../crypto/faults.ts'
import type { SealedBytes } from '../../store/bytes/sealed.ts'
import type { DataRecords } from '../../store/records/data-db.ts'
import type { PageOf } from '../../store/records/registry/all-rows.ts'
import { RegistryFault } from './faults.ts'
import type { RegistryRef } from './registry-ref.ts'
import type { RegistrySeal } from './registry-seal.ts'

export interface VerifySink {
  /** @param where what it concerns, in names a client knows where they can be had: `contoso/app@sha256:…` */
  damage(where: string, problem: string): void
  /** Bytes that were opened, since the last call. */
  opened(bytes: number): void
}

/** What was looked at. */
export interface RegistryVerification {
  readonly repositories: number
  readonly manifests: number
  readonly tags: number
  readonly blobs: number
  /** Unsealed bytes of blobs, and of uploads that are not finished. */
  readonly bytes: number
  /**
   * Manifests that name blobs or manifests which the repository has not. No damage: clients may push such ones, and may
   * delete a blob that a manifest names.
   */
  readonly incomplete: readonly string[]
}

/** A repository that is being looked at. */
export interface Place {
  readonly id: string
  /** `contoso/app` */
  readonly where: string
}

export type Counts = { -readonly [K in Exclude<keyof RegistryVerification, 'incomplete'>]: number } & {
  readonly incomplete: string[]
}

/** One registry, opened. */
export interface Walk {
  readonly read: DataRecords['read']
  readonly seal: RegistrySeal
  readonly registry: RegistryRef
  readonly bytes: SealedBytes
  readonly sink: VerifySink
  readonly signal: AbortSignal
}

/** Every row of a list that comes in pages; the key's lease is asked for before each. */
export async function* pages<T, C>(
  { seal, signal }: Pick<Walk, 'seal' | 'signal'>,
  begin: C,
  limit: number,
  pageOf: (page: PageOf<C>) => Promise<readonly T[]>,
  cursorOf: (row: T) => C,
): AsyncGenerator<T> {
  for (let after = begin; ;) {
    const rows = await pageOf({ after, limit })
    for (const row of rows) {
      signal.throwIfAborted()
      await seal.lease.check()
      yield row
    }
    const last = rows.at(-1)
    if (last === undefined || rows.length < limit) return
    after = cursorOf(last)
  }
}

/** @returns null when it does not open, which is reported */
export function attempt<T>({ sink }: Pick<Walk, 'sink'>, where: string, open: () => T): T | null {
  try {
    return open()
  } catch (error) {
    if (isBroken(error)) sink.damage(where, 'its row does not open: altered, or moved from elsewhere')
    else if (error instanceof RegistryFault) sink.damage(where, 'it cannot be read')
    else throw error
    return null
  }
}

/** What was sealed does not open; as opposed to a key that went away meanwhile. */
export function isBroken(error: unknown): boolean {
  return error instanceof SealFault && error.code === 'seal-broken'
}

export const nameOf = ({ name }: { readonly name: string }): string => name
export const idOf = ({ id }: { readonly id: string }): string => id
export const indexOf = (row: { readonly digest_index: Uint8Array }): Uint8Array => row.digest_index
