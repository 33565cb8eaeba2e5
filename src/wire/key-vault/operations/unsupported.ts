import { type Method, operation } from '../../../http/operation.ts'
import { VaultFault } from '../../../services/vault/faults.ts'
import type { VaultOperation } from '../../../services/vault/operations.ts'
import { answer, noBody } from '../session.ts'
import type { KeyVaultOperation } from '../operation-type.ts'

const table: readonly (readonly [method: Method, path: string, needs: VaultOperation, name: string])[] = [
  ['POST', '/keys/{name}/{version?}/sign', 'KeySign', 'sign'],
  ['POST', '/keys/{name}/{version?}/verify', 'KeyVerify', 'verify'],
  ['POST', '/keys/{name}/{version?}/release', 'KeyRelease', 'release'],
  ['POST', '/keys/{name}/backup', 'KeyBackup', 'backup'],
  ['POST', '/keys/restore', 'KeyRestore', 'restore'],
  ['GET', '/keys/{name}/rotationpolicy', 'KeyRotationPolicyGet', 'getrotationpolicy'],
  ['PUT', '/keys/{name}/rotationpolicy', 'KeyRotationPolicySet', 'setrotationpolicy'],
]

/**
 * What Azure's vaults have and this one has not. Known all the same, so that who lacks the permission hears 403 as from
 * Azure, and who has it hears why it does not work, instead of a 404 that speaks of the key.
 */
export function unsupportedOperations(): readonly KeyVaultOperation[] {
  return table.map(([method, path, needs, name]) =>
    operation({
      id: needs,
      method,
      path,
      needs,
      body: noBody,
      run: (call) =>
        answer(call, () => Promise.reject(new VaultFault('operation-unsupported', { operation: name }))),
    }),
  )
}
