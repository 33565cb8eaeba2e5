import { operation } from '../../../http/operation.ts'
import type { VaultService } from '../../../services/vault/vault-service.ts'
import { keyBundle } from '../key-json.ts'
import { answer, noBody, versionOf } from '../session.ts'
import type { KeyVaultOperation } from '../operation-type.ts'

/** https://learn.microsoft.com/rest/api/keyvault/keys/get-key/get-key */
export function getKey({ keys }: Pick<VaultService, 'keys'>): KeyVaultOperation {
  return operation({
    id: 'GetKey',
    method: 'GET',
    path: '/keys/{name}/{version?}',
    needs: 'KeyGet',
    body: noBody,
    run: (call) =>
      answer(call, async (admitted) =>
        keyBundle(await keys.get(admitted, call.params.name, versionOf(call.params))),
      ),
  })
}
