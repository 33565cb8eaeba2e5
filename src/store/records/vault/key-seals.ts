import type { RecordKey } from '../../../crypto/record-key.ts'
import { RsaKey } from '../../../crypto/rsa-key.ts'
import type { KeyUse, StoredVersion } from './stored-key.ts'

/** Which row a sealed value belongs to: bound into its tag, so a value moved to another row does not open. */
export interface KeyPlace {
  readonly vaultUid: string
  /** Lower case. */
  readonly name: string
}

export interface StoredKey {
  readonly name: string
  /** Milliseconds since 1970; null while the key lives. */
  readonly deletedAt: number | null
}

/** The sealed columns of the key tables. Context = table, column, primary key. */
export function keySeals(recordKey: RecordKey) {
  const sealJson = (context: string, value: object): Buffer =>
    recordKey.seal(context, Buffer.from(JSON.stringify(value)))
  const openJson = (context: string, sealed: Uint8Array): unknown =>
    JSON.parse(recordKey.open(context, sealed).toString())
  const keyAt = ({ vaultUid, name }: KeyPlace) => `vault_key/document/${vaultUid}/${name}`
  const versionAt = ({ vaultUid, name }: KeyPlace, version: string) =>
    `vault_key_version/document/${vaultUid}/${name}/${version}`
  const materialAt = ({ vaultUid, name }: KeyPlace, version: string) =>
    `vault_key_version/material/${vaultUid}/${name}/${version}`
  const useAt = ({ vaultUid, name }: KeyPlace, version: string) =>
    `vault_key_use/document/${vaultUid}/${name}/${version}`
  return {
    sealKey: (place: KeyPlace, key: StoredKey) => sealJson(keyAt(place), key),
    openKey: (place: KeyPlace, sealed: Uint8Array) => openJson(keyAt(place), sealed) as StoredKey,
    sealVersion: (place: KeyPlace, version: StoredVersion) =>
      sealJson(versionAt(place, version.version), version),
    openVersion: (place: KeyPlace, version: string, sealed: Uint8Array) =>
      openJson(versionAt(place, version), sealed) as StoredVersion,
    sealMaterial: (place: KeyPlace, version: string, key: RsaKey) =>
      key.seal(recordKey, materialAt(place, version)),
    openMaterial: (place: KeyPlace, version: string, sealed: Uint8Array) =>
      RsaKey.fromSealed(sealed, recordKey, materialAt(place, version)),
    sealUse: (place: KeyPlace, use: KeyUse) => sealJson(useAt(place, use.version), use),
    openUse: (place: KeyPlace, version: string, sealed: Uint8Array) =>
      openJson(useAt(place, version), sealed) as KeyUse,
  }
}
export type KeySeals = ReturnType<typeof keySeals>
