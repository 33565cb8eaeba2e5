import { operation } from '../../../http/operation.ts'
import type { VaultService } from '../../../services/vault/vault-service.ts'
import { deletedKeyBundle, keyBundle } from '../key-json.ts'
import { answer, noBody } from '../session.ts'
import type { KeyVaultOperation } from '../operation-type.ts'

type Deps = Pick<VaultService, 'keys'>

/** https://learn.microsoft.com/rest/api/keyvault/keys/delete-key/delete-key */
export function deleteKey({ keys }: Deps): KeyVaultOperation {
  return operation({
    id: 'DeleteKey',
    method: 'DELETE',
    path: '/keys/{name}',
    needs: 'KeyDelete',
    body: noBody,
    run: (call) =>
      answer(call, async (admitted) => deletedKeyBundle(await keys.delete(admitted, call.params.name))),
  })
}

/** https://learn.microsoft.com/rest/api/keyvault/keys/get-deleted-key/get-deleted-key */
export function getDeletedKey({ keys }: Deps): KeyVaultOperation {
  return operation({
    id: 'GetDeletedKey',
    method: 'GET',
    path: '/deletedkeys/{name}',
    needs: 'KeyGetDeleted',
    body: noBody,
    run: (call) =>
      answer(call, async (admitted) => deletedKeyBundle(await keys.getDeleted(admitted, call.params.name))),
  })
}

/** https://learn.microsoft.com/rest/api/keyvault/keys/recover-deleted-key/recover-deleted-key */
export function recoverDeletedKey({ keys }: Deps): KeyVaultOperation {
  return operation({
    id: 'RecoverDeletedKey',
    method: 'POST',
    path: '/deletedkeys/{name}/recover',
    needs: 'KeyRecover',
    body: noBody,
    run: (call) =>
      answer(call, async (admitted) => keyBundle(await keys.recover(admitted, call.params.name))),
  })
}

/** https://learn.microsoft.com/rest/api/keyvault/keys/purge-deleted-key/purge-deleted-key */
export function purgeDeletedKey({ keys }: Deps): KeyVaultOperation {
  return operation({
    id: 'PurgeDeletedKey',
    method: 'DELETE',
    path: '/deletedkeys/{name}',
    needs: 'KeyPurge',
    body: noBody,
    run: (call) =>
      answer(
        call,
        async (admitted) => {
          await keys.purge(admitted, call.params.name)
          return undefined
        },
        204,
      ),
  })
}
