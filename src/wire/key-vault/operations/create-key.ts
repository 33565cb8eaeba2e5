import { operation } from '../../../http/operation.ts'
import type { VaultService } from '../../../services/vault/vault-service.ts'
import { readCreate, readImport } from '../key-body.ts'
import { keyBundle } from '../key-json.ts'
import { answer, noBody, readBody, streamedBody } from '../session.ts'
import type { KeyVaultOperation } from '../operation-type.ts'

type Deps = Pick<VaultService, 'keys'>

/** https://learn.microsoft.com/rest/api/keyvault/keys/create-key/create-key */
export function createKey({ keys }: Deps): KeyVaultOperation {
  return operation({
    id: 'CreateKey',
    method: 'POST',
    path: '/keys/{name}/create',
    needs: 'KeyCreate',
    body: streamedBody,
    run: (call) =>
      answer(call, async (admitted) => {
        const { name } = call.params
        await keys.assertNameFree(admitted, name)
        return keyBundle(await keys.create(admitted, name, readCreate(await readBody(call))))
      }),
  })
}

/** https://learn.microsoft.com/rest/api/keyvault/keys/import-key/import-key */
export function importKey({ keys }: Deps): KeyVaultOperation {
  return operation({
    id: 'ImportKey',
    method: 'PUT',
    path: '/keys/{name}',
    needs: 'KeyImport',
    body: streamedBody,
    run: (call) =>
      answer(call, async (admitted) => {
        const { name } = call.params
        await keys.assertNameFree(admitted, name)
        return keyBundle(await keys.import(admitted, name, readImport(await readBody(call))))
      }),
  })
}

/** https://learn.microsoft.com/rest/api/keyvault/keys/rotate-key/rotate-key */
export function rotateKey({ keys }: Deps): KeyVaultOperation {
  return operation({
    id: 'RotateKey',
    method: 'POST',
    path: '/keys/{name}/rotate',
    needs: 'KeyRotate',
    body: noBody,
    run: (call) => answer(call, async (admitted) => keyBundle(await keys.rotate(admitted, call.params.name))),
  })
}
