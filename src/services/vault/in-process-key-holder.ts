import { randomGuid } from '../../crypto/random.ts'
import type { Endpoints } from '../../kernel/endpoints.ts'
import { Outage } from '../../kernel/fault.ts'
import { KeyHolderFault, type KeyHolder, type KeyIdentifier, type RefusalCause } from '../keyring/ports.ts'
import { refusalWords } from '../keyring/refusal-words.ts'
import { VaultFault, type VaultFaults, isVaultFault } from './faults.ts'
import type { VaultOperation } from './operations.ts'
import type { AdmittedCall } from './session.ts'
import { bitsOf, keyId, vaultUrl } from './vault-key.ts'
import type { VaultService } from './vault-service.ts'

const PADDING = 'RSA-OAEP-256'
const API_VERSION = '2025-07-01'

/**
 * The keyring's way to the vaults of this very process: the same token, firewall, permission and audit as over the wire,
 * without a socket. So without an address: behind a firewall only the trusted-services bypass lets it in.
 */
export function inProcessKeyHolder(
  vault: Pick<VaultService, 'admit' | 'keys' | 'crypto' | 'watch' | 'endpoints'>,
): KeyHolder {
  const call = async <T>(
    { operation, key, token, signal }: Call,
    work: (call: AdmittedCall) => Promise<T>,
  ): Promise<T> => {
    if (signal.aborted) throw notInTime(signal)
    try {
      const session = await vault.admit({
        vaultName: vaultNameOf(vault, key),
        token,
        remoteAddress: null,
        operation,
        keyName: key.name,
        object: objectOf(key),
        clientInfo: 'strongroom-keyring',
        correlationId: randomGuid(),
        apiVersion: API_VERSION,
      })
      return await session.run(work)
    } catch (error) {
      throw asHolderFault(error, key)
    }
  }
  return {
    describe: (key, token, signal) =>
      withinSignal(
        signal,
        call({ operation: 'KeyGet', key, token, signal }, async (admitted) => {
          const found = await vault.keys.get(admitted, key.name, key.version)
          const { version } = found
          return {
            kid: keyId(found),
            version: version.version,
            keyType: 'RSA',
            bits: bitsOf(version),
            enabled: version.enabled,
            expiresAt: version.expires === null ? null : new Date(version.expires * 1000),
            recoveryLevel: found.recovery.level,
            keyOperations: version.keyOperations,
          }
        }),
      ),
    wrap: (key, payload, token, signal) =>
      withinSignal(
        signal,
        call({ operation: 'KeyWrap', key, token, signal }, async (admitted) => {
          const usable = await vault.crypto.usable(admitted, key, 'wrapKey')
          return { kid: usable.kid, wrapped: await usable.seal(PADDING, payload) }
        }),
      ),
    unwrap: (key, wrapped, token, signal) => {
      let plain: Buffer | null = null
      const unwrapping = call({ operation: 'KeyUnwrap', key, token, signal }, async (admitted) => {
        const usable = await vault.crypto.usable(admitted, key, 'unwrapKey')
        plain = await usable.open(PADDING, wrapped)
        return plain
      })
      return withinSignal(signal, unwrapping, () => plain?.fill(0))
    },
    watch: (listener) => vault.watch(listener),
  }
}

interface Call {
  readonly operation: VaultOperation
  readonly key: KeyIdentifier
  readonly token: string
  readonly signal: AbortSignal
}

/** Which cause a vault's refusal is; null for what these operations never meet: then it is a bug, and no answer. */
const causes: { readonly [K in keyof VaultFaults]: RefusalCause | null } = {
  'vault-not-found': 'vault-not-found',
  'token-refused': 'token-refused',
  'forbidden-by-firewall': 'firewall',
  'forbidden-by-connection': 'firewall',
  'forbidden-by-policy': 'permission-missing',
  'forbidden-by-rbac': 'permission-missing',
  'key-not-found': 'key-not-found',
  'key-disabled': 'key-disabled',
  'key-expired': 'key-not-valid-now',
  'key-not-yet-valid': 'key-not-valid-now',
  'key-operation-forbidden': 'key-operation-forbidden',
  'cipher-text-invalid': 'wrapping-damaged',
  'key-to-delete-not-found': null,
  'deleted-key-not-found': null,
  'purge-protected': null,
  'key-is-deleted': null,
  'key-type-unsupported': null,
  'parameter-invalid': null,
  'operation-unsupported': null,
}

function asHolderFault(error: unknown, key: KeyIdentifier): unknown {
  if (error instanceof Outage) return error
  const cause = isVaultFault(error) ? causeOf(error) : null
  if (cause === null) return new Outage('the vault gave no answer', { cause: error })
  const keyId = `${key.vaultUrl}/${objectOf(key)}`
  return new KeyHolderFault('refused', { cause, keyId, message: refusalWords[cause] }, { cause: error })
}

function causeOf(fault: VaultFault): RefusalCause | null {
  if ('why' in fault.facts && fault.facts.why.kind === 'principal-gone') return 'identity-gone'
  return causes[fault.code]
}

function objectOf({ name, version }: KeyIdentifier): string {
  return version === null ? `keys/${name}` : `keys/${name}/${version}`
}

function vaultNameOf(
  { endpoints }: Pick<VaultService, 'endpoints'>,
  { vaultUrl: url }: KeyIdentifier,
): string {
  const name = findVaultName(endpoints, url)
  if (name === null) throw new VaultFault('vault-not-found', { vault: url })
  return name
}

/** `kv1` of `https://kv1.vault.localhost:8443`; null for what is no vault's address in this installation. */
export function findVaultName(endpoints: Endpoints, url: string): string | null {
  const name = /^https:\/\/([0-9a-z-]+)\./i.exec(url)?.[1] ?? ''
  return vaultUrl(endpoints, name) === url.toLowerCase() ? name : null
}

/** Gives up waiting when `signal` says so. What arrives too late is discarded. */
async function withinSignal<T>(signal: AbortSignal, work: Promise<T>, discard?: () => void): Promise<T> {
  const abandoned = Promise.withResolvers<never>()
  const abandon = () => abandoned.reject(notInTime(signal))
  if (signal.aborted) abandon()
  else signal.addEventListener('abort', abandon, { once: true })
  try {
    return await Promise.race([work, abandoned.promise])
  } catch (error) {
    // The work goes on alone: its end is only waited for to discard what it made.
    const end = () => discard?.()
    work.then(end, end)
    throw error
  } finally {
    signal.removeEventListener('abort', abandon)
  }
}

function notInTime(signal: AbortSignal): Outage {
  return new Outage('the vault did not answer in time', { cause: signal.reason })
}
