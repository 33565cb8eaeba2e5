import { SealFault } from '../../crypto/faults.ts'
import type { Bytes } from '../../kernel/bytes.ts'
import { ByteFault } from '../../store/bytes/byte-store.ts'
import { BlobFault } from './faults.ts'

/** Runs one operation. @throws BlobFault `content-damaged` in place of what the stores say of it */
export async function tellingDamage<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw asDamage(error)
  }
}

/** The same for bytes as they are read. */
export async function* tellingDamageIn(bytes: Bytes): AsyncGenerator<Uint8Array> {
  try {
    yield* bytes
  } catch (error) {
    throw asDamage(error)
  }
}

function asDamage(error: unknown): unknown {
  const isDamage = error instanceof ByteFault || (error instanceof SealFault && error.code === 'seal-broken')
  return isDamage ? new BlobFault('content-damaged', {}, { cause: error }) : error
}
