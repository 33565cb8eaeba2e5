import type { RecordKey } from '../../../crypto/record-key.ts'
import type { JsonObject } from '../../../kernel/json.ts'
import type { Page } from '../../../kernel/page.ts'
import type { Records } from '../records.ts'
import { openJson, sealJson } from '../resources/sealed-json.ts'
import type { ActivityTables } from './tables.ts'

export interface ActivityRow {
  readonly id: string
  readonly at: Date
  /** ARM id in lower case. */
  readonly resourceKey: string
  readonly document: JsonObject
}

interface ActivitySearch {
  /** Everything at and below that id, in lower case. */
  readonly scopeKey: string
  readonly from: Date
  readonly to: Date
}

export interface ActivityRows {
  append(row: ActivityRow): Promise<void>
  /** The latest first. */
  list(
    search: ActivitySearch,
    page: { readonly after: ActivityCursor | null; readonly limit: number },
  ): Promise<Page<ActivityRow, ActivityCursor>>
}

export interface ActivityCursor {
  readonly at: number
  readonly id: string
}

export interface ActivityRowsDeps {
  readonly records: Pick<Records<ActivityTables>, 'read' | 'write'>
  readonly recordKey: RecordKey
}

export function activityRows({ records, recordKey }: ActivityRowsDeps): ActivityRows {
  return {
    async append({ id, at, resourceKey, document }) {
      const sealed = sealJson(recordKey, contextOf(id), document)
      await records.write((db) =>
        db
          .insertInto('activity_events')
          .values({ id, at: at.getTime(), resource_key: resourceKey, sealed })
          .execute(),
      )
    },
    async list({ scopeKey, from, to }, { after, limit }) {
      let query = records.read
        .selectFrom('activity_events')
        .selectAll()
        .where('at', '>=', from.getTime())
        .where('at', '<=', to.getTime())
        .where((where) =>
          where.or([
            where('resource_key', '=', scopeKey),
            where.and([
              where('resource_key', '>=', `${scopeKey}/`),
              where('resource_key', '<', `${scopeKey}0`),
            ]),
          ]),
        )
      if (after !== null) {
        query = query.where((where) =>
          where.or([
            where('at', '<', after.at),
            where.and([where('at', '=', after.at), where('id', '<', after.id)]),
          ]),
        )
      }
      const rows = await query
        .orderBy('at', 'desc')
        .orderBy('id', 'desc')
        .limit(limit + 1)
        .execute()
      const items = rows.slice(0, limit)
      const last = items.at(-1)
      return {
        items: items.map((row) => ({
          id: row.id,
          at: new Date(row.at),
          resourceKey: row.resource_key,
          document: openJson(recordKey, contextOf(row.id), row.sealed),
        })),
        next: rows.length > limit && last !== undefined ? { at: last.at, id: last.id } : null,
      }
    },
  }
}

/** What a row's sealed document is bound to. */
export function contextOf(id: string): string {
  return `activity_events|${id}`
}
