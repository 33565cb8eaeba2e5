import type { KeyIdentifier, KeyChange } from './ports.ts'
import { keyLookup } from './key-id.ts'

/** Counts the pushes that touched a key: an answer to a request sent under an older count says nothing any more. */
export class Epochs {
  #everywhere = 0
  /** Vault URLs and key identifiers that were ever pushed. */
  readonly #counts = new Map<string, number>()

  of(key: Pick<KeyIdentifier, 'vaultUrl' | 'name'>): number {
    const inVault = this.#counts.get(key.vaultUrl) ?? 0
    return this.#everywhere + inVault + (this.#counts.get(keyLookup(key)) ?? 0)
  }

  raise({ vaultUrl, keyName }: KeyChange): void {
    if (vaultUrl === null) {
      this.#everywhere += 1
      return
    }
    const touched = keyName === null ? vaultUrl : keyLookup({ vaultUrl, name: keyName })
    this.#counts.set(touched, (this.#counts.get(touched) ?? 0) + 1)
  }
}

export function isTouched(
  key: Pick<KeyIdentifier, 'vaultUrl' | 'name'>,
  { vaultUrl, keyName }: KeyChange,
): boolean {
  if (vaultUrl === null) return true
  if (vaultUrl !== key.vaultUrl) return false
  return keyName === null || keyName.toLowerCase() === key.name.toLowerCase()
}
