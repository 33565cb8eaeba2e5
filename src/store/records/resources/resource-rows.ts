import type { SelectQueryBuilder, Transaction } from 'kysely'
import type { RecordKey } from '../../../crypto/record-key.ts'
import type { JsonObject } from '../../../kernel/json.ts'
import type { Page } from '../../../kernel/page.ts'
import { isUniqueViolation } from '../constraint.ts'
import type { Records } from '../records.ts'
import { openJson, sealJson } from './sealed-json.ts'
import type { ResourcesTables } from './tables.ts'

/** A resource as it is kept. Every `…Key` is in lower case. */
export interface ResourceRow {
  readonly idKey: string
  readonly uid: string
  readonly subscriptionId: string
  readonly groupKey: string
  readonly typeKey: string
  readonly nameKey: string
  readonly parentKey: string | null
  readonly globalKey: string | null
  readonly document: JsonObject
}

/** What a list looks for; each part that is given must hold. */
export interface ResourceSearch {
  readonly subscriptionId: string
  readonly groupKey?: string
  readonly typeKey?: string
  readonly nameKey?: string
  readonly parentKey?: string
}

export type SaveOutcome = 'saved' | 'group-missing' | 'group-deleting' | 'parent-missing' | 'name-taken'

export interface ResourceRows {
  findById(idKey: string): Promise<ResourceRow | null>
  findByUid(uid: string): Promise<ResourceRow | null>
  findByGlobalKey(globalKey: string): Promise<ResourceRow | null>
  listByType(typeKey: string): Promise<readonly ResourceRow[]>
  /** In the order of `idKey`, from after `after`. */
  list(
    search: ResourceSearch,
    page: { readonly after: string | null; readonly limit: number },
  ): Promise<Page<ResourceRow>>
  /** Inserts or replaces by `idKey`; group and parent are looked at in the same transaction. */
  save(row: ResourceRow): Promise<SaveOutcome>
  /** Reads, changes and writes a document in one transaction. @returns what was written, null when there is no row */
  changeDocument(idKey: string, change: (document: JsonObject) => JsonObject): Promise<JsonObject | null>
  remove(idKey: string): Promise<void>
}

export interface ResourceRowsDeps {
  readonly records: Pick<Records<ResourcesTables>, 'read' | 'write'>
  readonly recordKey: RecordKey
}

type Stored = ResourcesTables['resources']

export function resourceRows({ records, recordKey }: ResourceRowsDeps): ResourceRows {
  const opened = (row: Stored): ResourceRow => ({
    idKey: row.id_key,
    uid: row.uid,
    subscriptionId: row.subscription_id,
    groupKey: row.group_key,
    typeKey: row.type_key,
    nameKey: row.name_key,
    parentKey: row.parent_key,
    globalKey: row.global_key,
    document: openJson(recordKey, contextOf(row), row.sealed),
  })
  const findBy = async (column: 'id_key' | 'uid' | 'global_key', value: string) => {
    const row = await records.read
      .selectFrom('resources')
      .selectAll()
      .where(column, '=', value)
      .executeTakeFirst()
    return row === undefined ? null : opened(row)
  }
  return {
    findById: (idKey) => findBy('id_key', idKey),
    findByUid: (uid) => findBy('uid', uid),
    findByGlobalKey: (globalKey) => findBy('global_key', globalKey),
    async listByType(typeKey) {
      const rows = await records.read
        .selectFrom('resources')
        .selectAll()
        .where('type_key', '=', typeKey)
        .orderBy('id_key')
        .execute()
      return rows.map(opened)
    },
    async list(search, { after, limit }) {
      let query = narrowed(records.read.selectFrom('resources').selectAll(), search)
      if (after !== null) query = query.where('id_key', '>', after)
      const rows = await query
        .orderBy('id_key')
        .limit(limit + 1)
        .execute()
      const items = rows.slice(0, limit).map(opened)
      return { items, next: rows.length > limit ? (items.at(-1)?.idKey ?? null) : null }
    },
    save: (row) => save({ records, recordKey }, row),
    changeDocument: (idKey, change) => changeDocument({ records, recordKey }, idKey, change),
    async remove(idKey) {
      await records.write((db) => db.deleteFrom('resources').where('id_key', '=', idKey).execute())
    },
  }
}

/** All that look-ups go by is bound in: a row whose names were changed behind our back does not open. */
export function contextOf(row: Omit<Stored, 'sealed'>): string {
  const { id_key, uid, subscription_id, group_key, type_key, name_key, parent_key, global_key } = row
  const clear = [id_key, uid, subscription_id, group_key, type_key, name_key, parent_key, global_key]
  return `resources|${JSON.stringify(clear)}`
}

function narrowed<O>(
  query: SelectQueryBuilder<ResourcesTables, 'resources', O>,
  search: ResourceSearch,
): SelectQueryBuilder<ResourcesTables, 'resources', O> {
  // Ids begin with the subscription, and with the group when there is one: the primary key serves as the index.
  const group = search.groupKey === undefined ? '' : `resourcegroups/${search.groupKey}/`
  const prefix = `/subscriptions/${search.subscriptionId}/${group}`
  let narrow = query.where('id_key', '>=', prefix).where('id_key', '<', `${prefix}\u{10ffff}`)
  if (search.typeKey !== undefined) narrow = narrow.where('type_key', '=', search.typeKey)
  if (search.nameKey !== undefined) narrow = narrow.where('name_key', '=', search.nameKey)
  if (search.parentKey !== undefined) narrow = narrow.where('parent_key', '=', search.parentKey)
  return narrow
}

async function save({ records, recordKey }: ResourceRowsDeps, row: ResourceRow): Promise<SaveOutcome> {
  const clear = {
    id_key: row.idKey,
    uid: row.uid,
    subscription_id: row.subscriptionId,
    group_key: row.groupKey,
    type_key: row.typeKey,
    name_key: row.nameKey,
    parent_key: row.parentKey,
    global_key: row.globalKey,
  }
  const stored = { ...clear, sealed: sealJson(recordKey, contextOf(clear), row.document) }
  try {
    return await records.write(async (db) => {
      const hindrance = await findHindrance(db, row)
      if (hindrance !== null) return hindrance
      await db
        .insertInto('resources')
        .values(stored)
        .onConflict((conflict) => conflict.column('id_key').doUpdateSet(stored))
        .execute()
      return 'saved'
    })
  } catch (error) {
    if (isUniqueViolation(error)) return 'name-taken'
    throw error
  }
}

async function findHindrance(
  db: Transaction<ResourcesTables>,
  row: ResourceRow,
): Promise<SaveOutcome | null> {
  const group = await db
    .selectFrom('resource_groups')
    .select('state')
    .where('subscription_id', '=', row.subscriptionId)
    .where('name_key', '=', row.groupKey)
    .executeTakeFirst()
  if (group === undefined) return 'group-missing'
  if (group.state === 'deleting') return 'group-deleting'
  if (row.parentKey === null) return null
  const parent = await db
    .selectFrom('resources')
    .select('uid')
    .where('id_key', '=', row.parentKey)
    .executeTakeFirst()
  return parent === undefined ? 'parent-missing' : null
}

async function changeDocument(
  { records, recordKey }: ResourceRowsDeps,
  idKey: string,
  change: (document: JsonObject) => JsonObject,
): Promise<JsonObject | null> {
  return await records.write(async (db) => {
    const row = await db.selectFrom('resources').selectAll().where('id_key', '=', idKey).executeTakeFirst()
    if (row === undefined) return null
    const changed = change(openJson(recordKey, contextOf(row), row.sealed))
    const sealed = sealJson(recordKey, contextOf(row), changed)
    await db.updateTable('resources').set({ sealed }).where('id_key', '=', idKey).execute()
    return changed
  })
}
