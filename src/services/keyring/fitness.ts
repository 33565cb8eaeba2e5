import { formatKeyIdentifier } from './key-id.ts'
import type { KeyCheck } from './customer-key.ts'
import { KeyringFault } from './keyring.ts'

/** What a key needs to protect a resource; a key that lacks some is refused with their names. */
export type FitnessNeed =
  'key-type' | 'key-size' | 'enabled' | 'wrapKey' | 'unwrapKey' | 'soft-delete' | 'purge-protection'

const sizes: readonly number[] = [2048, 3072, 4096]

/** @throws KeyringFault `key-unfit`, whose `missing` are of `FitnessNeed` */
export function assertFit(check: KeyCheck): void {
  const isRsa = check.keyType === 'RSA' || check.keyType === 'RSA-HSM'
  const fits: Readonly<Record<FitnessNeed, boolean>> = {
    'key-type': isRsa,
    'key-size': !isRsa || sizes.includes(check.bits),
    enabled: check.enabled,
    wrapKey: check.keyOperations.includes('wrapKey'),
    unwrapKey: check.keyOperations.includes('unwrapKey'),
    // https://learn.microsoft.com/rest/api/keyvault/keys/get-key/get-key#deletionrecoverylevel: `Recoverable` in any form
    // says that deletion is soft, `Purgeable` that someone may end the retention early.
    'soft-delete': check.recoveryLevel.includes('Recoverable'),
    'purge-protection': !check.recoveryLevel.includes('Purgeable') && check.recoveryLevel !== '',
  }
  const missing = Object.entries(fits).flatMap(([need, isMet]) => (isMet ? [] : [need]))
  if (missing.length > 0)
    throw new KeyringFault('key-unfit', { keyId: formatKeyIdentifier(check.key), missing })
}
