import { describe, expect, it } from 'vitest'
import {
  findVaultKind,
  formatKeyIdentifier,
  keyLookup,
  parseKeyIdentifier,
  type VaultKind,
} from './key-id.ts'
import { KeyringFault } from './keyring.ts'

const vaults: readonly VaultKind[] = [
  { suffix: '.vault.localhost:8443', audience: 'https://vault.localhost:8443' },
  { suffix: '.managedhsm.localhost:8443', audience: 'https://managedhsm.localhost:8443' },
  { suffix: '.vault.azure.net', audience: 'https://vault.azure.net' },
]
const version = '0123456789abcdef0123456789abcdef'

describe('parseKeyIdentifier()', () => {
  it.each([
    ['https://kv1.vault.localhost:8443/keys/k1', 'https://kv1.vault.localhost:8443', 'k1', null],
    [
      `https://kv1.vault.localhost:8443/keys/k1/${version}`,
      'https://kv1.vault.localhost:8443',
      'k1',
      version,
    ],
    ['https://kv1.vault.localhost:8443/keys/k1/', 'https://kv1.vault.localhost:8443', 'k1', null],
    [
      `HTTPS://KV1.Vault.LocalHost:8443/Keys/My-Key/${version.toUpperCase()}`,
      'https://kv1.vault.localhost:8443',
      'My-Key',
      version,
    ],
    ['https://a-b.managedhsm.localhost:8443/keys/k', 'https://a-b.managedhsm.localhost:8443', 'k', null],
    ['https://kv1.vault.azure.net:443/keys/k', 'https://kv1.vault.azure.net', 'k', null],
  ])('reads %s', (text, vaultUrl, name, expected) => {
    expect(parseKeyIdentifier(text, vaults)).toEqual({ vaultUrl, name, version: expected })
  })

  it.each([
    // The host is not a vault of ours.
    'https://kv1.vault.evil.example/keys/k1',
    'https://kv1.vault.localhost:8443.evil.example/keys/k1',
    'https://evil.example/kv1.vault.localhost:8443/keys/k1',
    'https://kv1.vault.localhost/keys/k1',
    'https://kv1.vault.localhost:443/keys/k1',
    'https://kv1.vault.localhost:84430/keys/k1',
    // The label's border.
    'https://vault.localhost:8443/keys/k1',
    'https://.vault.localhost:8443/keys/k1',
    'https://kv1xvault.localhost:8443/keys/k1',
    'https://a.kv1.vault.localhost:8443/keys/k1',
    'https://kv1..vault.localhost:8443/keys/k1',
    'https://-kv1.vault.localhost:8443/keys/k1',
    'https://kv1-.vault.localhost:8443/keys/k1',
    'https://k--v1.vault.localhost:8443/keys/k1',
    'https://kv.vault.localhost:8443/keys/k1',
    `https://${'a'.repeat(25)}.vault.localhost:8443/keys/k1`,
    // Whatever could smuggle another authority.
    'http://kv1.vault.localhost:8443/keys/k1',
    'https://user@kv1.vault.localhost:8443/keys/k1',
    'https://kv1.vault.localhost:8443@evil.example/keys/k1',
    'https://evil.example\\.vault.localhost:8443/keys/k1',
    'https://evil.example#.vault.localhost:8443/keys/k1',
    'https://evil.example?.vault.localhost:8443/keys/k1',
    'https://evil.example%2f.vault.localhost:8443/keys/k1',
    'https://kv1.vault.localhost:8443:8443/keys/k1',
    'https:///kv1.vault.localhost:8443/keys/k1',
    'https:\\\\kv1.vault.localhost:8443/keys/k1',
    // U+212A, which lower-cases to a k, and a full-width dot.
    'https://\u212av1.vault.localhost:8443/keys/k1',
    'https://kv1\uff0evault.localhost:8443/keys/k1',
    // More than a key.
    'https://kv1.vault.localhost:8443/keys/k1?api-version=7.4',
    'https://kv1.vault.localhost:8443/keys/k1#x',
    'https://kv1.vault.localhost:8443/secrets/k1',
    'https://kv1.vault.localhost:8443/keys/',
    'https://kv1.vault.localhost:8443/keys/k1/../k2',
    'https://kv1.vault.localhost:8443/keys/k1//',
    'https://kv1.vault.localhost:8443/keys/k_1',
    'https://kv1.vault.localhost:8443/keys/k1/0123',
    `https://kv1.vault.localhost:8443/keys/k1/${version}0`,
    `https://kv1.vault.localhost:8443/keys/k1/${version.replace('0', 'g')}`,
    ' https://kv1.vault.localhost:8443/keys/k1',
    'https://kv1.vault.localhost:8443/keys/k1\n',
    `https://kv1.vault.localhost:8443/keys/${'k'.repeat(128)}`,
    '',
  ])('refuses %j', (text) => {
    expect(() => parseKeyIdentifier(text, vaults)).toThrow(
      expect.objectContaining({ name: 'KeyringFault', code: 'key-id-invalid' }),
    )
  })

  it('does not echo more than a key identifier can hold', () => {
    try {
      parseKeyIdentifier(`https://${'x'.repeat(100_000)}`, vaults)
      expect.unreachable()
    } catch (error) {
      expect(error).toBeInstanceOf(KeyringFault)
      expect(JSON.stringify((error as KeyringFault).facts).length).toBeLessThan(1_000)
    }
  })
})

describe('a key identifier', () => {
  it('is written as it was read', () => {
    const text = `https://kv1.vault.localhost:8443/keys/k1/${version}`
    expect(formatKeyIdentifier(parseKeyIdentifier(text, vaults))).toBe(text)
  })

  it('is looked up in one letter case, for vaults ignore it', () => {
    const [a, b] = ['K1', 'k1'].map((name) =>
      keyLookup({ vaultUrl: 'https://kv1.vault.localhost:8443', name }),
    )
    expect(a).toBe(b)
  })

  it('has the audience of its kind of vault, from configuration', () => {
    expect(findVaultKind('https://a-b.managedhsm.localhost:8443', vaults)?.audience).toBe(
      'https://managedhsm.localhost:8443',
    )
    expect(findVaultKind('https://kv1.vault.evil.example', vaults)).toBeNull()
    expect(findVaultKind('http://kv1.vault.azure.net', vaults)).toBeNull()
  })
})
