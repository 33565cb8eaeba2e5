import { KeyFault } from '../../crypto/faults.ts'
import type { RsaPadding } from '../../crypto/rsa-key.ts'
import { type Clock, unixSeconds } from '../../kernel/clock.ts'
import type { KeyRecords } from '../../store/records/vault/key-records.ts'
import { VaultFault, parameterInvalid } from './faults.ts'
import type { KeyUses } from './key-uses.ts'
import type { VaultKeys } from './keys.ts'
import type { AdmittedCall } from './session.ts'
import { type KeyUsage, type StoredVersion, type VaultKey, keyId } from './vault-key.ts'

export type { RsaPadding } from '../../crypto/rsa-key.ts'

/** A version that may be used for what was asked, at this moment. */
export interface UsableKey {
  readonly kid: string
  /** Encrypts or wraps. @throws VaultFault `parameter-invalid` when the value is too long for key and padding */
  seal(padding: RsaPadding, plain: Uint8Array): Promise<Buffer>
  /** Decrypts or unwraps; the caller overwrites the buffer. @throws VaultFault `cipher-text-invalid` */
  open(padding: RsaPadding, cipher: Uint8Array): Promise<Buffer>
}

export interface KeyCrypto {
  /**
   * Existence, then state: a disabled key serves nothing; an expired one, or one whose time has not come, still opens what
   * it has sealed; `key_ops` binds.
   *
   * @throws VaultFault `key-not-found`, `key-disabled`, `key-expired`, `key-not-yet-valid`, `key-operation-forbidden`
   */
  usable(
    call: AdmittedCall,
    at: { readonly name: string; readonly version: string | null },
    usage: KeyUsage,
  ): Promise<UsableKey>
}

export function keyCrypto(deps: {
  readonly keys: Pick<VaultKeys, 'get'>
  readonly records: Pick<KeyRecords, 'openMaterial'>
  readonly uses: KeyUses
  readonly clock: Clock
}): KeyCrypto {
  const material = async ({ vault }: AdmittedCall, { name, version }: VaultKey) => {
    const key = await deps.records.openMaterial(vault.uid, name, version.version)
    if (key === null) throw new VaultFault('key-not-found', { name, version: version.version })
    return key
  }
  return {
    async usable(call, at, usage) {
      const key = await deps.keys.get(call, at.name, at.version)
      assertUsable(key.version, usage, unixSeconds(deps.clock.now()))
      return {
        kid: keyId(key),
        async seal(padding, plain) {
          const rsa = await material(call, key)
          return await translated(() => rsa.encrypt(padding, plain))
        },
        async open(padding, cipher) {
          const rsa = await material(call, key)
          const plain = await translated(() => rsa.decrypt(padding, cipher))
          deps.uses.note(call, { name: key.name, version: key.version.version })
          return plain
        },
      }
    },
  }
}

function assertUsable(version: StoredVersion, operation: KeyUsage, now: number): void {
  if (!version.enabled) throw new VaultFault('key-disabled', { operation })
  if (operation === 'encrypt' || operation === 'wrapKey') {
    if (version.notBefore !== null && now < version.notBefore) {
      throw new VaultFault('key-not-yet-valid', { operation })
    }
    if (version.expires !== null && now >= version.expires) throw new VaultFault('key-expired', { operation })
  }
  if (!version.keyOperations.includes(operation))
    throw new VaultFault('key-operation-forbidden', { operation })
}

async function translated<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof KeyFault)) throw error
    if (error.code === 'too-long') {
      const { maxBytes } = (error as KeyFault<'too-long'>).facts
      throw parameterInvalid(`The value is too long: this key takes ${maxBytes} bytes with that algorithm.`)
    }
    // Without the cause: nothing may tell one broken cipher text from another, not even a log.
    throw new VaultFault('cipher-text-invalid', {})
  }
}
