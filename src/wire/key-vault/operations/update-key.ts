import { operation } from '../../../http/operation.ts'
import type { VaultService } from '../../../services/vault/vault-service.ts'
import { readChanges } from '../key-body.ts'
import { keyBundle } from '../key-json.ts'
import { answer, readBody, streamedBody, versionOf } from '../session.ts'
import type { KeyVaultOperation } from '../operation-type.ts'

/** https://learn.microsoft.com/rest/api/keyvault/keys/update-key/update-key */
export function updateKey({ keys }: Pick<VaultService, 'keys'>): KeyVaultOperation {
  return operation({
    id: 'UpdateKey',
    method: 'PATCH',
    path: '/keys/{name}/{version?}',
    needs: 'KeyUpdate',
    body: streamedBody,
    run: (call) =>
      answer(call, async (admitted) => {
        const at = { name: call.params.name, version: versionOf(call.params) }
        await keys.get(admitted, at.name, at.version)
        return keyBundle(await keys.update(admitted, at, readChanges(await readBody(call))))
      }),
  })
}
