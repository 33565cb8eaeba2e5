import type { KeyIdentifier } from './ports.ts'
import { KeyringFault } from './keyring.ts'

/** A kind of vault that this installation may ask: nothing else is ever connected to, whatever a client names. */
export interface VaultKind {
  /** What follows the vault's name, with the port unless it is 443: `.vault.localhost:8443`. Lower case. */
  readonly suffix: string
  /** What its tokens are addressed to. */
  readonly audience: string
}

/** A key version as the vault names it. */
export interface VersionedKey extends KeyIdentifier {
  readonly version: string
}

/** Vault names: https://learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates#object-identifiers */
const vaultName = /^[a-z0-9](?:-?[a-z0-9]){1,23}$/
const MIN_VAULT_NAME = 3
const MAX_VAULT_NAME = 24

/**
 * Read by a pattern of our own, not by `URL`, which repairs what ought to be refused: backslashes, tabs, dots, userinfo.
 * The authority may hold host characters only, so neither `@` nor `%` nor a second colon can hide another host.
 */
const keyId = /^https:\/\/([a-z0-9.-]+(?::[0-9]{1,5})?)\/keys\/([a-z0-9-]{1,127})(?:\/([0-9a-f]{32}))?\/?$/i
const MAX_KEY_ID = 512

/**
 * Reads `https://{vault}{suffix}/keys/{name}[/{version}]`. Scheme, host and version in any letter case; a slash at the end
 * makes no difference.
 *
 * @throws KeyringFault `key-id-invalid`
 */
export function parseKeyIdentifier(text: string, vaults: readonly VaultKind[]): KeyIdentifier {
  const match = text.length > MAX_KEY_ID ? null : keyId.exec(text)
  const [, authority, name, version] = match ?? []
  if (authority === undefined || name === undefined) {
    throw invalid(
      text,
      'a key identifier has the form https://<vault>/keys/<name>[/<version of 32 hex digits>]',
    )
  }
  const vaultUrl = `https://${authority.toLowerCase().replace(/:443$/, '')}`
  if (findVaultKind(vaultUrl, vaults) === null)
    throw invalid(text, 'its host is not a vault that this installation may use')
  return { vaultUrl, name, version: version?.toLowerCase() ?? null }
}

/** As the vault's `kid`: without a slash at the end. */
export function formatKeyIdentifier({ vaultUrl, name, version }: KeyIdentifier): string {
  return `${vaultUrl}/keys/${name}${version === null ? '' : `/${version}`}`
}

/** The kind whose suffix follows exactly one label, the vault's name; null when there is none. */
export function findVaultKind(vaultUrl: string, vaults: readonly VaultKind[]): VaultKind | null {
  const host = vaultUrl.startsWith('https://') ? vaultUrl.slice('https://'.length) : ''
  for (const kind of vaults) {
    if (!host.endsWith(kind.suffix)) continue
    const label = host.slice(0, -kind.suffix.length)
    if (label.length >= MIN_VAULT_NAME && label.length <= MAX_VAULT_NAME && vaultName.test(label)) return kind
  }
  return null
}

/** Vaults ignore the letter case of key names. */
export function isSameKey(
  a: Pick<KeyIdentifier, 'vaultUrl' | 'name'>,
  b: Pick<KeyIdentifier, 'vaultUrl' | 'name'>,
): boolean {
  return a.vaultUrl === b.vaultUrl && a.name.toLowerCase() === b.name.toLowerCase()
}

/** One text for one key, whatever its letter case: what the keys store looks a followed key up by. */
export function keyLookup({ vaultUrl, name }: Pick<KeyIdentifier, 'vaultUrl' | 'name'>): string {
  return `${vaultUrl}/keys/${name}`.toLowerCase()
}

function invalid(id: string, reason: string): KeyringFault<'key-id-invalid'> {
  return new KeyringFault('key-id-invalid', { keyId: id.slice(0, MAX_KEY_ID), reason })
}
