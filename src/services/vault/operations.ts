/** What an operation needs: in a vault with access policies, and in one with roles. */
export interface Permission {
  /** The key permission of an access policy entry. */
  readonly policy: string
  /** Below `Microsoft.KeyVault/vaults/`. */
  readonly dataAction: string
}

/**
 * Every operation on keys, by its name in the AuditEvent log.
 * https://learn.microsoft.com/azure/key-vault/general/rbac-guide
 */
export const vaultOperations = {
  KeyCreate: { policy: 'create', dataAction: 'keys/create/action' },
  KeyImport: { policy: 'import', dataAction: 'keys/import/action' },
  KeyGet: { policy: 'get', dataAction: 'keys/read' },
  KeyList: { policy: 'list', dataAction: 'keys/read' },
  KeyListVersions: { policy: 'list', dataAction: 'keys/read' },
  KeyUpdate: { policy: 'update', dataAction: 'keys/update/action' },
  KeyRotate: { policy: 'rotate', dataAction: 'keys/rotate/action' },
  KeyDelete: { policy: 'delete', dataAction: 'keys/delete' },
  KeyGetDeleted: { policy: 'get', dataAction: 'keys/read' },
  KeyListDeleted: { policy: 'list', dataAction: 'keys/read' },
  KeyRecover: { policy: 'recover', dataAction: 'keys/recover/action' },
  KeyPurge: { policy: 'purge', dataAction: 'keys/purge/action' },
  KeyEncrypt: { policy: 'encrypt', dataAction: 'keys/encrypt/action' },
  KeyDecrypt: { policy: 'decrypt', dataAction: 'keys/decrypt/action' },
  KeyWrap: { policy: 'wrapKey', dataAction: 'keys/wrap/action' },
  KeyUnwrap: { policy: 'unwrapKey', dataAction: 'keys/unwrap/action' },
  KeySign: { policy: 'sign', dataAction: 'keys/sign/action' },
  KeyVerify: { policy: 'verify', dataAction: 'keys/verify/action' },
  KeyBackup: { policy: 'backup', dataAction: 'keys/backup/action' },
  KeyRestore: { policy: 'restore', dataAction: 'keys/restore/action' },
  KeyRelease: { policy: 'release', dataAction: 'keys/release/action' },
  KeyRotationPolicyGet: { policy: 'getrotationpolicy', dataAction: 'keyrotationpolicies/read' },
  KeyRotationPolicySet: { policy: 'setrotationpolicy', dataAction: 'keyrotationpolicies/write' },
} as const satisfies Record<string, Permission>

export type VaultOperation = keyof typeof vaultOperations
