import { operation } from '../../../http/operation.ts'
import { base64url } from '../../../kernel/bytes.ts'
import { VaultFault, parameterInvalid } from '../../../services/vault/faults.ts'
import type { VaultOperation } from '../../../services/vault/operations.ts'
import type { KeyUsage } from '../../../services/vault/vault-key.ts'
import type { VaultService } from '../../../services/vault/vault-service.ts'
import { readCrypto } from '../key-body.ts'
import { answer, readBody, streamedBody, versionOf } from '../session.ts'
import type { KeyVaultOperation } from '../operation-type.ts'

type Deps = Pick<VaultService, 'crypto'>

interface Usage {
  readonly id: string
  readonly needs: VaultOperation
  readonly usage: KeyUsage
}

/** https://learn.microsoft.com/rest/api/keyvault/keys/wrap-key/wrap-key and encrypt */
export const sealingOperations = (vault: Deps): readonly KeyVaultOperation[] => [
  sealing(vault, { id: 'Encrypt', needs: 'KeyEncrypt', usage: 'encrypt' }),
  sealing(vault, { id: 'WrapKey', needs: 'KeyWrap', usage: 'wrapKey' }),
]

/** https://learn.microsoft.com/rest/api/keyvault/keys/unwrap-key/unwrap-key and decrypt */
export const openingOperations = (vault: Deps): readonly KeyVaultOperation[] => [
  opening(vault, { id: 'Decrypt', needs: 'KeyDecrypt', usage: 'decrypt' }),
  opening(vault, { id: 'UnwrapKey', needs: 'KeyUnwrap', usage: 'unwrapKey' }),
]

function sealing({ crypto }: Deps, { id, needs, usage }: Usage): KeyVaultOperation {
  return operation({
    id,
    method: 'POST',
    path: `/keys/{name}/{version?}/${usage}` as const,
    needs,
    body: streamedBody,
    run: (call) =>
      answer(call, async (admitted) => {
        const at = { name: call.params.name, version: versionOf(call.params) }
        const key = await crypto.usable(admitted, at, usage)
        const { padding, value } = readCrypto(await readBody(call))
        if (value === null) throw parameterInvalid('The property value must be base64url.')
        try {
          return { kid: key.kid, value: base64url(await key.seal(padding, value)) }
        } finally {
          value.fill(0)
        }
      }),
  })
}

function opening({ crypto }: Deps, { id, needs, usage }: Usage): KeyVaultOperation {
  return operation({
    id,
    method: 'POST',
    path: `/keys/{name}/{version?}/${usage}` as const,
    needs,
    body: streamedBody,
    run: (call) =>
      answer(call, async (admitted) => {
        const at = { name: call.params.name, version: versionOf(call.params) }
        const key = await crypto.usable(admitted, at, usage)
        const { padding, value } = readCrypto(await readBody(call))
        // Whatever is wrong with a cipher text is answered alike.
        if (value === null) throw new VaultFault('cipher-text-invalid', {})
        const plain = await key.open(padding, value)
        try {
          return { kid: key.kid, value: base64url(plain) }
        } finally {
          plain.fill(0)
        }
      }),
  })
}
