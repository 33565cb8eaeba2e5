import type { Protocol, RequestHead } from '../../http/operation.ts'
import type { VaultOperation } from '../../services/vault/operations.ts'
import type { VaultSession } from '../../services/vault/session.ts'
import type { VaultService } from '../../services/vault/vault-service.ts'
import { vaultRequest } from './auth.ts'
import { toReply } from './errors.ts'
import { vaultHeaders } from './headers.ts'
import { createKey, importKey, rotateKey } from './operations/create-key.ts'
import { deleteKey, getDeletedKey, purgeDeletedKey, recoverDeletedKey } from './operations/delete-key.ts'
import { getKey } from './operations/get-key.ts'
import { getDeletedKeys, getKeyVersions, getKeys } from './operations/list-keys.ts'
import { unsupportedOperations } from './operations/unsupported.ts'
import { updateKey } from './operations/update-key.ts'
import { openingOperations, sealingOperations } from './operations/use-key.ts'

/** Key Vault's data plane on `<vault>.vault.<domain>`. Among paths that both fit, the earlier one is taken. */
export function keyVaultProtocol(vault: VaultService): Protocol<VaultSession, VaultOperation> {
  const regions = new WeakMap<RequestHead, string>()
  return {
    name: 'key-vault',
    operations: [
      createKey(vault),
      rotateKey(vault),
      importKey(vault),
      ...sealingOperations(vault),
      ...openingOperations(vault),
      ...unsupportedOperations(),
      getKeys(vault),
      getKeyVersions(vault),
      getKey(vault),
      updateKey(vault),
      deleteKey(vault),
      getDeletedKeys(vault),
      getDeletedKey(vault),
      recoverDeletedKey(vault),
      purgeDeletedKey(vault),
    ],
    ignoreCase: true,
    async admit(head, matched) {
      const session = await vault.admit(vaultRequest(head, matched))
      regions.set(head, session.location)
      return session
    },
    fail: (thrown) => toReply(thrown, vault.endpoints),
    headers: (head) => vaultHeaders(head, regions.get(head) ?? null),
  }
}
