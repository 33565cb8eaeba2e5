import { SealFault } from '../../crypto/faults.ts'
import type { Bytes } from '../../kernel/bytes.ts'
import { ByteFault } from '../../store/bytes/byte-store.ts'
import { RegistryFault } from './faults.ts'

type Operation = (...args: never[]) => Promise<unknown>

/** The same operations. @throws RegistryFault `content-damaged` in place of what the stores say of it */
export function tellingDamageOf<T extends Readonly<Record<keyof T, Operation>>>(operations: T): T {
  const told = Object.entries<Operation>(operations).map(([name, run]) => [
    name,
    (...args: never[]) => tellingDamage(() => run(...args)),
  ])
  return Object.fromEntries(told) as T
}

/** @throws RegistryFault `content-damaged` */
export async function tellingDamage<T>(read: () => Promise<T>): Promise<T> {
  try {
    return await read()
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
  return isDamage ? new RegistryFault('content-damaged', {}, { cause: error }) : error
}
