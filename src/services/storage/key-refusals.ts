import { type KeyringWords, inWords } from '../keyring/fault-kinds.ts'
import type { KeyringFaults } from '../keyring/keyring.ts'
import type { RefusalCause } from '../keyring/ports.ts'
import { type ResourceFault, refused } from '../resources/faults.ts'

/**
 * Why a customer's key was not taken, with Azure's code and sentence first and, since that sentence is known to tell too
 * little, what failed after it: which identity, which key, and what about it.
 */
export function keyRefusal(error: unknown): unknown {
  return inWords(error, words)
}

const words: KeyringWords = {
  'key-refused': keyRefused,
  'key-id-invalid': ({ keyId, reason }) =>
    refused(
      400,
      'InvalidRequestPropertyValue',
      `'${keyId.slice(0, 300)}' is not a key that this installation may use: ${reason}.`,
      { target: 'encryption.keyvaultproperties' },
    ),
  'key-unfit': keyUnfit,
  'wrapping-refused': ({ reason }) =>
    refused(
      409,
      'StorageAccountKeyDamaged',
      `The stored key of the storage account was refused: ${reason}. Restore data and keys of the same time. The key was not changed.`,
    ),
}

const AUTHENTICATION =
  'The operation failed because of authentication issue on the keyvault. For more information, see - https://aka.ms/storagekeyvaultaccesspolicy'

const azure: Readonly<Record<RefusalCause, readonly [code: string, sentence: string]>> = {
  'key-not-found': [
    'KeyVaultEncryptionKeyNotFound',
    'The key vault key is not found to unwrap the encryption key.',
  ],
  'key-disabled': [
    'KeyVaultEncryptionKeyNotFound',
    'The key vault key is not found to unwrap the encryption key.',
  ],
  'vault-not-found': ['KeyVaultVaultNotFound', 'The key vault is not found for encryption.'],
  'identity-gone': ['KeyVaultAccessTokenCannotBeAcquired', 'Failure in AAD Client Credentials Grant Flow.'],
  'token-refused': ['KeyVaultAccessTokenCannotBeAcquired', 'Failure in AAD Client Credentials Grant Flow.'],
  'key-operation-forbidden': ['KeyVaultAuthenticationFailure', AUTHENTICATION],
  'permission-missing': ['KeyVaultAuthenticationFailure', AUTHENTICATION],
  firewall: ['KeyVaultAuthenticationFailure', AUTHENTICATION],
  'key-not-valid-now': ['KeyVaultAuthenticationFailure', AUTHENTICATION],
  'wrapping-damaged': ['KeyVaultAuthenticationFailure', AUTHENTICATION],
}

function keyRefused({ keyId, identity, cause, message }: KeyringFaults['key-refused']): ResourceFault {
  const [code, sentence] = azure[cause]
  return refused(
    400,
    code,
    `${sentence} The identity '${identity}' could not use the key '${keyId}' (${cause}): ${message}. It needs the permissions get, wrapKey and unwrapKey on an enabled key, and a vault that lets it in.`,
    { details: [{ code: cause, message }] },
  )
}

const needs: Readonly<Record<string, string>> = {
  'key-type': 'it must be of type RSA or RSA-HSM',
  'key-size': 'it must have 2048, 3072 or 4096 bits',
  enabled: 'it is disabled',
  wrapKey: 'its key operations must include wrapKey',
  unwrapKey: 'its key operations must include unwrapKey',
  'soft-delete': 'its vault must have soft delete on',
  'purge-protection': 'its vault must have purge protection on',
}

function keyUnfit({ keyId, missing }: KeyringFaults['key-unfit']): ResourceFault {
  const details = missing.map((need) => ({ code: need, message: needs[need] ?? need }))
  const reasons = details.map(({ message }) => message).join('; ')
  const isPolicy = missing.some((need) => need === 'soft-delete' || need === 'purge-protection')
  return isPolicy
    ? refused(
        400,
        'KeyVaultPolicyError',
        `Keyvault policy recoverable is not set. The key '${keyId}': ${reasons}.`,
        {
          details,
        },
      )
    : refused(
        400,
        'KeyVaultKeyNotSuitable',
        `The key '${keyId}' cannot encrypt a storage account: ${reasons}.`,
        {
          details,
        },
      )
}
