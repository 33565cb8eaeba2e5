import type { RecordKey } from '../../../crypto/record-key.ts'
import type { JsonObject } from '../../../kernel/json.ts'
import type { Records } from '../records.ts'
import { openJson, sealJson } from './sealed-json.ts'
import type { ResourcesTables } from './tables.ts'

/** A long-running operation whose end a client asks for. */
export interface OperationRow {
  readonly id: string
  readonly state: 'running' | 'done'
  readonly document: JsonObject
}

export interface OperationRows {
  find(id: string): Promise<OperationRow | null>
  save(row: OperationRow): Promise<void>
  /** What a crash left behind. */
  listRunning(): Promise<readonly OperationRow[]>
}

export interface OperationRowsDeps {
  readonly records: Pick<Records<ResourcesTables>, 'read' | 'write'>
  readonly recordKey: RecordKey
}

export function operationRows({ records, recordKey }: OperationRowsDeps): OperationRows {
  const opened = (row: ResourcesTables['operations']): OperationRow => ({
    id: row.id,
    state: row.state,
    document: openJson(recordKey, contextOf(row.id), row.sealed),
  })
  return {
    async find(id) {
      const row = await records.read
        .selectFrom('operations')
        .selectAll()
        .where('id', '=', id)
        .executeTakeFirst()
      return row === undefined ? null : opened(row)
    },
    async save({ id, state, document }) {
      const sealed = sealJson(recordKey, contextOf(id), document)
      await records.write((db) =>
        db
          .insertInto('operations')
          .values({ id, state, sealed })
          .onConflict((conflict) => conflict.column('id').doUpdateSet({ state, sealed }))
          .execute(),
      )
    },
    async listRunning() {
      const rows = await records.read
        .selectFrom('operations')
        .selectAll()
        .where('state', '=', 'running')
        .execute()
      return rows.map(opened)
    },
  }
}

/** What a row's sealed document is bound to. */
export function contextOf(id: string): string {
  return `operations|${id}`
}
