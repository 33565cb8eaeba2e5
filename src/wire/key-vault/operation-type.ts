import type { AnyOperation } from '../../http/operation.ts'
import type { VaultOperation } from '../../services/vault/operations.ts'
import type { VaultSession } from '../../services/vault/session.ts'

export type KeyVaultOperation = AnyOperation<VaultSession, VaultOperation>
