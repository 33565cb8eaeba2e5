import { SealFault } from '../../crypto/faults.ts'
import type { Bytes } from '../../kernel/bytes.ts'
import { ByteFault } from './byte-store.ts'

/** What was sealed is altered, moved or missing; as opposed to a key that went away, or a disk that does not answer. */
export function isDamage(error: unknown): boolean {
  return error instanceof ByteFault || (error instanceof SealFault && error.code === 'seal-broken')
}

/** Puts a service's own word in the place of what the stores say of damage. */
export interface DamageTeller {
  /** Runs one operation. */
  readonly tellingDamage: <T>(work: () => Promise<T>) => Promise<T>
  /** The same for bytes as they are read. */
  readonly tellingDamageIn: (bytes: Bytes) => AsyncGenerator<Uint8Array>
}

export function damageTeller(faultOf: (cause: unknown) => Error): DamageTeller {
  const told = (error: unknown) => (isDamage(error) ? faultOf(error) : error)
  return {
    async tellingDamage(work) {
      try {
        return await work()
      } catch (error) {
        throw told(error)
      }
    },
    async *tellingDamageIn(bytes) {
      try {
        yield* bytes
      } catch (error) {
        throw told(error)
      }
    },
  }
}
