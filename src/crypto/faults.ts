import { Fault } from '../kernel/fault.ts'

export interface SealFaults {
  /** Wrong key, wrong context, moved, truncated or altered: deliberately not told apart. */
  'seal-broken': { readonly context: string }
  /** The root key was destroyed (its lease ended) while something still held it. */
  'key-destroyed': { readonly keyId: string }
}

/** What was sealed does not open. Never bears key material, plaintext or the cipher's own words. */
export class SealFault<K extends keyof SealFaults = keyof SealFaults> extends Fault<SealFaults, K> {
  override readonly name = 'SealFault'
}

export interface KeyFaults {
  /** An imported key is refused; `reason` is fixed text of ours and holds nothing of the key. */
  'bad-key': { readonly reason: string }
  /** One fault for padding, length, integrity and range: telling them apart is Manger's oracle (CRYPTO 2001). */
  'decrypt-failed': Readonly<Record<string, never>>
  'too-long': { readonly maxBytes: number }
}

/** A software vault key refuses. */
export class KeyFault<K extends keyof KeyFaults = keyof KeyFaults> extends Fault<KeyFaults, K> {
  override readonly name = 'KeyFault'
}

export interface TokenFaults {
  'token-malformed': Readonly<Record<string, never>>
  /** The signature is wrong or no key of that `kid` is known: not told apart. */
  'token-signature': { readonly kid?: string }
  'token-algorithm': { readonly alg: string }
  'token-expired': { readonly expiredAt: Date }
  'token-not-yet-valid': Readonly<Record<string, never>>
}

/** A bearer token is refused. */
export class TokenFault<K extends keyof TokenFaults = keyof TokenFaults> extends Fault<TokenFaults, K> {
  override readonly name = 'TokenFault'
}
