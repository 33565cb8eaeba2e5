import type { RecordKey } from '../../../crypto/record-key.ts'
import type { Guid } from '../../../kernel/guid.ts'
import type { Page } from '../../../kernel/page.ts'
import type { KeysRecords } from '../keys-db.ts'

/** A role assignment as it is kept; times in ISO 8601. */
export interface AssignmentRow {
  readonly name: Guid
  readonly scope: string
  readonly roleId: Guid
  readonly principalId: Guid
  readonly description: string | null
  readonly createdAt: string
  readonly createdBy: Guid | null
}

export interface AssignmentRecords {
  /** In the order of their names, beginning after `after`. */
  list(after: string | null, limit: number): Promise<Page<AssignmentRow>>
  insert(row: AssignmentRow): Promise<void>
  delete(names: readonly string[]): Promise<void>
}

/**
 * Who may do what, sealed as a whole: nobody who can only write to the file makes a grant, for what does not open under
 * its own name stops the start.
 */
export function assignmentRecords(
  records: Pick<KeysRecords, 'read' | 'write'>,
  key: RecordKey,
): AssignmentRecords {
  return {
    async list(after, limit) {
      const rows = await records.read
        .selectFrom('access_assignments')
        .selectAll()
        .where('name', '>', after ?? '')
        .orderBy('name')
        .limit(limit + 1)
        .execute()
      const items = rows.slice(0, limit).map(({ name, document }): AssignmentRow => {
        const fields = JSON.parse(key.open(contextOf(name), document).toString('utf8')) as Omit<
          AssignmentRow,
          'name'
        >
        return { name: name as Guid, ...fields }
      })
      return { items, next: rows.length > limit ? (items.at(-1)?.name ?? null) : null }
    },

    async insert({ name, ...fields }) {
      const document = key.seal(contextOf(name), Buffer.from(JSON.stringify(fields)))
      await records.write(async (transaction) => {
        await transaction
          .insertInto('access_assignments')
          .values({ name, document })
          // There, unknown to who inserts it, if it was committed once and the disk did not say so.
          .onConflict((conflict) => conflict.column('name').doUpdateSet({ document }))
          .execute()
      })
    },

    async delete(names) {
      await records.write(async (transaction) => {
        for (const name of names) {
          await transaction.deleteFrom('access_assignments').where('name', '=', name).execute()
        }
      })
    },
  }
}

/** What a row's sealed document is bound to. */
export function contextOf(name: string): string {
  return `access_assignments\n${name}`
}
