import type { Transaction } from 'kysely'
import type { MacKey } from '../../../crypto/mac-key.ts'
import type { RecordKey } from '../../../crypto/record-key.ts'
import type { JsonObject } from '../../../kernel/json.ts'
import type { Page } from '../../../kernel/page.ts'
import type { Records } from '../records.ts'
import { openJson, sealJson } from '../resources/sealed-json.ts'
import type { ActivityTables } from './tables.ts'

export interface AuditRow {
  readonly seq: number
  readonly at: Date
  /** ARM id of the vault in lower case. */
  readonly vaultKey: string
  readonly document: JsonObject
}

export interface AuditRows {
  append(row: Omit<AuditRow, 'seq'>): Promise<void>
  /** The earliest first. */
  list(
    search: { readonly vaultKey: string; readonly from: Date; readonly to: Date },
    page: { readonly after: number | null; readonly limit: number },
  ): Promise<Page<AuditRow, number>>
  /**
   * Walks the whole chain of MACs.
   * @returns the first row that was changed, moved, or follows one that was taken away; null when all hold
   */
  findBreak(): Promise<number | null>
}

export interface AuditRowsDeps {
  readonly records: Pick<Records<ActivityTables>, 'read' | 'write'>
  readonly recordKey: RecordKey
  /** Chains the rows. */
  readonly macKey: MacKey
}

type Stored = ActivityTables['vault_audit']

/** What the first row follows. */
const origin = Buffer.alloc(0)
const VERIFY_BATCH = 1000

export function auditRows({ records, recordKey, macKey }: AuditRowsDeps): AuditRows {
  return {
    async append({ at, vaultKey, document }) {
      await records.write(async (db) => {
        const last = await lastOf(db)
        const seq = (last?.seq ?? 0) + 1
        const row = {
          seq,
          at: at.getTime(),
          vault_key: vaultKey,
          sealed: sealJson(recordKey, contextOf(seq), document),
        }
        const mac = macOf(macKey, last?.mac ?? origin, row)
        await db
          .insertInto('vault_audit')
          .values({ ...row, mac })
          .execute()
      })
    },
    async list({ vaultKey, from, to }, { after, limit }) {
      const rows = await records.read
        .selectFrom('vault_audit')
        .selectAll()
        .where('vault_key', '=', vaultKey)
        .where('seq', '>', after ?? 0)
        .where('at', '>=', from.getTime())
        .where('at', '<=', to.getTime())
        .orderBy('seq')
        .limit(limit + 1)
        .execute()
      const items = rows.slice(0, limit).map((row) => ({
        seq: row.seq,
        at: new Date(row.at),
        vaultKey: row.vault_key,
        document: openJson(recordKey, contextOf(row.seq), row.sealed),
      }))
      return { items, next: rows.length > limit ? (items.at(-1)?.seq ?? null) : null }
    },
    findBreak: () => findBreak(records, macKey),
  }
}

async function lastOf(db: Transaction<ActivityTables>): Promise<Pick<Stored, 'seq' | 'mac'> | undefined> {
  return await db
    .selectFrom('vault_audit')
    .select(['seq', 'mac'])
    .orderBy('seq', 'desc')
    .limit(1)
    .executeTakeFirst()
}

async function findBreak(records: AuditRowsDeps['records'], macKey: MacKey): Promise<number | null> {
  let before: { readonly seq: number; readonly mac: Uint8Array } = { seq: 0, mac: origin }
  for (;;) {
    const rows: readonly Stored[] = await records.read
      .selectFrom('vault_audit')
      .selectAll()
      .where('seq', '>', before.seq)
      .orderBy('seq')
      .limit(VERIFY_BATCH)
      .execute()
    for (const row of rows) {
      const follows = row.seq === before.seq + 1
      if (!follows || !macKey.verify(row.mac, 'vault_audit', ...macParts(before.mac, row))) return row.seq
      before = row
    }
    if (rows.length < VERIFY_BATCH) return null
  }
}

function macOf(macKey: MacKey, before: Uint8Array, row: Omit<Stored, 'mac'>): Buffer {
  return macKey.mac('vault_audit', ...macParts(before, row))
}

function macParts(before: Uint8Array, row: Omit<Stored, 'mac'>): readonly Uint8Array[] {
  return [before, Buffer.from(JSON.stringify([row.seq, row.at, row.vault_key]), 'utf8'), row.sealed]
}

/** What a row's sealed document is bound to. */
export function contextOf(seq: number): string {
  return `vault_audit|${seq}`
}
