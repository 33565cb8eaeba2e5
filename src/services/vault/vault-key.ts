import { type Endpoints, urlOf } from '../../kernel/endpoints.ts'
import type { RsaBits } from '../../crypto/rsa-key.ts'
import type { Deletion, FoundKey, StoredVersion } from '../../store/records/vault/stored-key.ts'
import type { VaultSettings } from './vault-settings.ts'

export type { StoredVersion } from '../../store/records/vault/stored-key.ts'

/** One version of a key as the data plane shows it. */
export interface VaultKey {
  /** `https://kv1.vault.localhost:8443` */
  readonly vaultUrl: string
  /** In the letter case of its creation. */
  readonly name: string
  readonly version: StoredVersion
  readonly recovery: { readonly level: string; readonly days: number }
  readonly deletion: Pick<Deletion, 'deletedAt' | 'purgeAt'> | null
}

/** https://learn.microsoft.com/rest/api/keyvault/keys/create-key/create-key#deletionrecoverylevel */
function recoveryOf({ retentionDays, isPurgeProtected }: VaultSettings): VaultKey['recovery'] {
  const customized = retentionDays === 90 ? '' : 'Customized'
  return { level: `${customized}Recoverable${isPurgeProtected ? '' : '+Purgeable'}`, days: retentionDays }
}

export function vaultUrl(endpoints: Endpoints, vaultName: string): string {
  return urlOf(endpoints, `${vaultName.toLowerCase()}.vault`)
}

/** `https://kv1.vault.localhost:8443/keys/k1/0123...` */
export function keyId({ vaultUrl, name, version }: VaultKey): string {
  return `${vaultUrl}/keys/${name}/${version.version}`
}

export const keyOperations = ['encrypt', 'decrypt', 'sign', 'verify', 'wrapKey', 'unwrapKey'] as const
export type KeyOperation = (typeof keyOperations)[number]

/** What a key is used for on the server. */
export type KeyUsage = Extract<KeyOperation, 'encrypt' | 'decrypt' | 'wrapKey' | 'unwrapKey'>

/** Modulus length: the modulus is kept without leading zeros. */
export function bitsOf({ modulus }: StoredVersion): RsaBits {
  return (Buffer.from(modulus, 'base64url').length * 8) as RsaBits
}

export function shownVersion(
  endpoints: Endpoints,
  vault: VaultSettings,
  { name, version }: { readonly name: string; readonly version: StoredVersion },
): VaultKey {
  return {
    vaultUrl: vaultUrl(endpoints, vault.name),
    name,
    version,
    recovery: recoveryOf(vault),
    deletion: null,
  }
}

export function shownKey(endpoints: Endpoints, vault: VaultSettings, key: FoundKey): VaultKey {
  const { name, current, deletion } = key
  return { ...shownVersion(endpoints, vault, { name, version: current }), deletion }
}
