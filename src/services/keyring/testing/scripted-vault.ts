import { randomHex } from '../../../crypto/random.ts'
import type { RsaKey } from '../../../crypto/rsa-key.ts'
import { Outage } from '../../../kernel/fault.ts'
import {
  type KeyChange,
  type KeyDescription,
  type KeyHolder,
  KeyHolderFault,
  type KeyIdentifier,
  type RefusalCause,
  type TokenSource,
  type VaultTokenRequest,
} from '../ports.ts'

export type Operation = 'describe' | 'wrap' | 'unwrap'

export interface Call {
  readonly operation: Operation
  /** Key name and version. */
  readonly key: string
  readonly principalId: string
}

interface Version extends Pick<KeyDescription, 'version' | 'enabled'> {
  readonly rsa: RsaKey
}

/** A driver for tests: a vault with real RSA keys that does as it is told, and remembers what it was asked. */
export class ScriptedVault implements KeyHolder, TokenSource {
  readonly calls: Call[] = []
  readonly tokens: VaultTokenRequest[] = []
  /** What descriptions say besides. */
  described: Partial<KeyDescription> = {}
  /** Called before each operation is answered; may throw, or hang. */
  before: (operation: Operation, key: KeyIdentifier, principalId: string) => Promise<void> | void = () =>
    undefined
  readonly goneIdentities = new Set<string>()
  readonly #keys = new Map<string, Version[]>()
  readonly #listeners = new Set<(change: KeyChange) => void>()

  /** Makes a key or a new version of it. @returns its version */
  addVersion(vaultUrl: string, name: string, rsa: RsaKey): string {
    const version = randomHex(16)
    const versions = this.#keys.get(`${vaultUrl}/${name}`) ?? []
    this.#keys.set(`${vaultUrl}/${name}`, [...versions, { version, enabled: true, rsa }])
    return version
  }

  /** All versions, or one. */
  setEnabled(vaultUrl: string, name: string, enabled: boolean, version?: string): void {
    const id = `${vaultUrl}/${name}`
    const change = (one: Version) =>
      version === undefined || one.version === version ? { ...one, enabled } : one
    this.#keys.set(id, (this.#keys.get(id) ?? []).map(change))
  }

  remove(vaultUrl: string, name: string): void {
    this.#keys.delete(`${vaultUrl}/${name}`)
  }

  push(change: KeyChange): void {
    for (const listener of this.#listeners) listener(change)
  }

  count(operation: Operation): number {
    return this.calls.filter((call) => call.operation === operation).length
  }

  async token(request: VaultTokenRequest): Promise<string> {
    this.tokens.push(request)
    if (this.goneIdentities.has(request.principalId)) {
      throw new KeyHolderFault('refused', {
        cause: 'identity-gone',
        keyId: '',
        message: 'The identity does not exist.',
      })
    }
    return request.principalId
  }

  async describe(key: KeyIdentifier, token: string): Promise<KeyDescription> {
    const { version, enabled, rsa } = await this.#find('describe', key, token)
    return {
      kid: `${key.vaultUrl}/keys/${key.name}/${version}`,
      version,
      keyType: 'RSA',
      bits: rsa.bits,
      enabled,
      expiresAt: null,
      recoveryLevel: 'Recoverable',
      keyOperations: ['wrapKey', 'unwrapKey'],
      ...this.described,
    }
  }

  async wrap(key: KeyIdentifier, payload: Uint8Array, token: string) {
    const { version, rsa } = await this.#find('wrap', key, token)
    const wrapped = await rsa.encrypt('RSA-OAEP-256', payload)
    return { kid: `${key.vaultUrl}/keys/${key.name}/${version}`, wrapped }
  }

  async unwrap(key: KeyIdentifier, wrapped: Uint8Array, token: string): Promise<Buffer> {
    const { rsa } = await this.#find('unwrap', key, token)
    try {
      return await rsa.decrypt('RSA-OAEP-256', wrapped)
    } catch {
      throw refusal('wrapping-damaged', key)
    }
  }

  watch(listener: (change: KeyChange) => void): Disposable {
    this.#listeners.add(listener)
    return { [Symbol.dispose]: () => void this.#listeners.delete(listener) }
  }

  async #find(operation: Operation, key: KeyIdentifier, principalId: string): Promise<Version> {
    this.calls.push({ operation, key: `${key.name}/${key.version ?? ''}`, principalId })
    await this.before(operation, key, principalId)
    const versions = this.#keys.get(`${key.vaultUrl}/${key.name}`) ?? []
    const found =
      key.version === null ? versions.at(-1) : versions.find(({ version }) => version === key.version)
    if (found === undefined) throw refusal('key-not-found', key)
    if (operation !== 'describe' && !found.enabled) throw refusal('key-disabled', key)
    return found
  }
}

export function refusal(cause: RefusalCause, key: KeyIdentifier): KeyHolderFault {
  return new KeyHolderFault('refused', {
    cause,
    keyId: `${key.vaultUrl}/keys/${key.name}`,
    message: `refused: ${cause}`,
  })
}

export function outage(): Outage {
  return new Outage('the vault is down', { retryAfterSeconds: 3 })
}
