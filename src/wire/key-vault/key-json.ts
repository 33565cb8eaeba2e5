import { unixSeconds } from '../../kernel/clock.ts'
import type { JsonObject } from '../../kernel/json.ts'
import { type VaultKey, keyId } from '../../services/vault/vault-key.ts'

/** https://learn.microsoft.com/rest/api/keyvault/keys/get-key/get-key#keybundle; members in the recorded order. */
export function keyBundle(key: VaultKey): JsonObject {
  const { keyOperations, modulus, exponent } = key.version
  return {
    key: { kid: keyId(key), kty: 'RSA', key_ops: [...keyOperations], n: modulus, e: exponent },
    attributes: attributes(key),
    ...tags(key),
  }
}

export function deletedKeyBundle(key: VaultKey): JsonObject {
  return { ...deletion(key), ...keyBundle(key) }
}

/** In a list of keys: its id has no version. */
export function keyItem(key: VaultKey): JsonObject {
  return { kid: `${key.vaultUrl}/keys/${key.name}`, attributes: attributes(key), ...tags(key) }
}

export function versionItem(key: VaultKey): JsonObject {
  return { kid: keyId(key), attributes: attributes(key), ...tags(key) }
}

export function deletedKeyItem(key: VaultKey): JsonObject {
  return { ...deletion(key), ...keyItem(key) }
}

function attributes({ version, recovery }: VaultKey): JsonObject {
  return {
    enabled: version.enabled,
    ...(version.notBefore === null ? {} : { nbf: version.notBefore }),
    ...(version.expires === null ? {} : { exp: version.expires }),
    created: version.created,
    updated: version.updated,
    recoveryLevel: recovery.level,
    recoverableDays: recovery.days,
    exportable: false,
  }
}

function tags({ version }: VaultKey): JsonObject {
  return version.tags === null ? {} : { tags: version.tags }
}

function deletion({ vaultUrl, name, deletion }: VaultKey): JsonObject {
  if (deletion === null) return {}
  return {
    recoveryId: `${vaultUrl}/deletedkeys/${name}`,
    deletedDate: unixSeconds(deletion.deletedAt),
    scheduledPurgeDate: unixSeconds(deletion.purgeAt),
  }
}
