import type { RecordKey } from '../../../crypto/record-key.ts'
import type { Json } from '../../../kernel/json.ts'
import type { Records } from '../records.ts'
import type { Due } from './key-records.ts'
import type { VaultTables } from './tables.ts'

/** A deleted vault with all that brings it back. */
export interface DeletedVaultRecord {
  readonly uid: string
  readonly name: string
  readonly subscriptionId: string
  readonly deletedAt: Date
  readonly purgeAt: Date
  readonly purgeAfterMs: number
  /** The resource as it was, in JSON: `services/vault` writes and reads it. */
  readonly resource: Json
}

export interface DeletedVaultRecords {
  /** Replaces what an earlier, unfinished deletion of the same vault left. */
  put(vault: DeletedVaultRecord): Promise<void>
  findByName(name: string): Promise<DeletedVaultRecord | null>
  /** By name. */
  list(subscriptionId: string): Promise<readonly DeletedVaultRecord[]>
  listDue(due: Due, limit: number): Promise<readonly DeletedVaultRecord[]>
  /** The vault lives again: its keys stay. Idempotent. */
  forget(uid: string): Promise<void>
  /** With all of its keys, for good. `mayPurge` is asked inside the transaction. @returns whether it was purged */
  purge(uid: string, mayPurge: (vault: DeletedVaultRecord) => boolean): Promise<boolean>
}

export function deletedVaultRecords(
  records: Pick<Records<VaultTables>, 'read' | 'write'>,
  recordKey: RecordKey,
): DeletedVaultRecords {
  const open = (row: VaultTables['vault_deleted']): DeletedVaultRecord => {
    const document = JSON.parse(recordKey.open(contextOf(row.uid), row.document).toString()) as Document
    return {
      uid: row.uid,
      name: row.name,
      subscriptionId: row.subscription_id,
      deletedAt: new Date(document.deletedAt),
      purgeAt: new Date(row.purge_at),
      purgeAfterMs: row.purge_after,
      resource: document.resource,
    }
  }
  const all = () => records.read.selectFrom('vault_deleted').selectAll().orderBy('name')
  return {
    put: (vault) =>
      records.write(async (write) => {
        const document = { deletedAt: vault.deletedAt.getTime(), resource: vault.resource }
        const row = {
          name: vault.name.toLowerCase(),
          subscription_id: vault.subscriptionId,
          purge_after: vault.purgeAfterMs,
          purge_at: vault.purgeAt.getTime(),
          document: recordKey.seal(contextOf(vault.uid), Buffer.from(JSON.stringify(document))),
        }
        await write
          .insertInto('vault_deleted')
          .values({ uid: vault.uid, ...row })
          .onConflict((conflict) => conflict.column('uid').doUpdateSet(row))
          .execute()
      }),
    async findByName(name) {
      const row = await all().where('name', '=', name.toLowerCase()).executeTakeFirst()
      return row === undefined ? null : open(row)
    },
    list: async (subscriptionId) =>
      (await all().where('subscription_id', '=', subscriptionId).execute()).map(open),
    async listDue({ observedMs, now }, limit) {
      const due = all()
        .where('purge_after', '<=', observedMs)
        .where('purge_at', '<=', now.getTime())
        .limit(limit)
      return (await due.execute()).map(open)
    },
    forget: (uid) =>
      records.write(async (write) => {
        await write.deleteFrom('vault_deleted').where('uid', '=', uid).execute()
      }),
    purge: (uid, mayPurge) =>
      records.write(async (write) => {
        const row = await write
          .selectFrom('vault_deleted')
          .selectAll()
          .where('uid', '=', uid)
          .executeTakeFirst()
        if (row === undefined || !mayPurge(open(row))) return false
        for (const table of ['vault_key_use', 'vault_key_version', 'vault_key'] as const) {
          await write.deleteFrom(table).where('vault_uid', '=', uid).execute()
        }
        await write.deleteFrom('vault_deleted').where('uid', '=', uid).execute()
        return true
      }),
  }
}

interface Document {
  readonly deletedAt: number
  readonly resource: Json
}

/** What a row's sealed document is bound to. */
export function contextOf(uid: string): string {
  return `vault_deleted/document/${uid}`
}
