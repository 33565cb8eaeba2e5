import { type DigestAlgorithm, type RunningDigest, startDigest } from '../../crypto/digest.ts'

/**
 * The hash states of open uploads, in this process only: an upload whose state is not here (after a restart, or another
 * algorithm) is hashed again from its staged extents.
 */
export interface LiveDigests {
  /** A state that has seen the upload's first `size` bytes, for the caller alone; null when none is kept. */
  resume(uploadId: string, algorithm: DigestAlgorithm, size: number): RunningDigest | null
  /** Keeps a state that has seen `size` bytes; the upload's other states go when they lag behind. */
  keep(uploadId: string, algorithm: DigestAlgorithm, size: number, digest: RunningDigest): void
  forget(uploadId: string): void
}

interface Kept {
  readonly algorithm: DigestAlgorithm
  readonly size: number
  readonly digest: RunningDigest
}

/** @param max how many uploads are remembered; those not used longest are forgotten */
export function liveDigests(max: number): LiveDigests {
  const known = new Map<string, Kept>()
  return {
    resume(uploadId, algorithm, size) {
      if (size === 0) return startDigest(algorithm)
      const kept = known.get(uploadId)
      return kept?.algorithm === algorithm && kept.size === size ? kept.digest.copy() : null
    },
    keep(uploadId, algorithm, size, digest) {
      known.delete(uploadId)
      known.set(uploadId, { algorithm, size, digest })
      const oldest = known.size > max ? known.keys().next() : null
      if (oldest?.done === false) known.delete(oldest.value)
    },
    forget(uploadId) {
      known.delete(uploadId)
    },
  }
}
