import { RsaKey } from '../../src/crypto/rsa-key.ts'

let made: Promise<RsaKey> | null = null

/** One for all benches of a process: to make one takes longer than most tests do. */
export function benchKey(): Promise<RsaKey> {
  return (made ??= RsaKey.generate(2048))
}
