import type { JsonObject } from '../../kernel/json.ts'
import type { Caller } from '../directory/caller.ts'

/** One entry of the activity log: what changed a resource, or what its key did. */
export interface ActivityEvent {
  /** `Microsoft.KeyVault/vaults/write`, or of ours: `Microsoft.ContainerRegistry/registries/encryption/rotate/action`. */
  readonly operation: string
  readonly status: 'Started' | 'Succeeded' | 'Failed'
  readonly level: 'Informational' | 'Warning' | 'Error'
  readonly resourceId: string
  /** The client's caller; null for what the service did on its own. */
  readonly caller: Caller | null
  readonly correlationId: string
  /** Facts for people, no secrets: key id, identity, cause. */
  readonly properties: JsonObject
}

export interface ActivityLog {
  /** Resolves when the entry is durable. */
  record(event: ActivityEvent): Promise<void>
}

/** One call to a vault, in the terms of Key Vault's AuditEvent log. */
export interface VaultAuditEvent {
  /** ARM id of the vault. */
  readonly vaultId: string
  /** `KeyUnwrap`, `KeyGet`, ... */
  readonly operation: string
  readonly apiVersion: string
  readonly status: number
  /** The inner error code or error code of a refusal; null on success. */
  readonly refusal: string | null
  readonly durationMs: number
  /** Null for the in-process way. */
  readonly callerAddress: string | null
  readonly caller: Caller | null
  readonly correlationId: string
  /** Path of the object, with its version when known: `keys/k1/0123...`. */
  readonly object: string
  readonly clientInfo: string
}

export interface VaultAudit {
  /** Resolves when the entry is durable: before the answer that it speaks of. */
  record(event: VaultAuditEvent): Promise<void>
}
