import type { RecordKey } from '../../../crypto/record-key.ts'
import type { JsonObject } from '../../../kernel/json.ts'
import type { Page } from '../../../kernel/page.ts'
import type { Records } from '../records.ts'
import { openJson, sealJson } from './sealed-json.ts'
import type { ResourcesTables } from './tables.ts'

export interface DeploymentRow {
  /** ARM id in lower case. */
  readonly idKey: string
  readonly subscriptionId: string
  readonly groupKey: string
  readonly operationId: string
  readonly state: 'running' | 'done'
  readonly document: JsonObject
}

export interface DeploymentRows {
  find(idKey: string): Promise<DeploymentRow | null>
  findByOperation(operationId: string): Promise<DeploymentRow | null>
  list(
    group: { readonly subscriptionId: string; readonly groupKey: string },
    page: { readonly after: string | null; readonly limit: number },
  ): Promise<Page<DeploymentRow>>
  listRunning(): Promise<readonly DeploymentRow[]>
  /** Begins one. @returns false, and changes nothing, while the one of that name runs or its group is gone */
  begin(row: Omit<DeploymentRow, 'state'>): Promise<boolean>
  /** Writes its progress or its end; does nothing when the row went with its group. */
  update(row: Pick<DeploymentRow, 'idKey' | 'operationId' | 'state' | 'document'>): Promise<void>
  /** @returns whether there was one */
  remove(idKey: string): Promise<boolean>
}

export interface DeploymentRowsDeps {
  readonly records: Pick<Records<ResourcesTables>, 'read' | 'write'>
  readonly recordKey: RecordKey
}

export function deploymentRows({ records, recordKey }: DeploymentRowsDeps): DeploymentRows {
  const opened = (row: ResourcesTables['deployments']): DeploymentRow => ({
    idKey: row.id_key,
    subscriptionId: row.subscription_id,
    groupKey: row.group_key,
    operationId: row.operation_id,
    state: row.state,
    document: openJson(recordKey, contextOf(row.id_key), row.sealed),
  })
  const findBy = async (column: 'id_key' | 'operation_id', value: string) => {
    const row = await records.read
      .selectFrom('deployments')
      .selectAll()
      .where(column, '=', value)
      .executeTakeFirst()
    return row === undefined ? null : opened(row)
  }
  return {
    find: (idKey) => findBy('id_key', idKey),
    findByOperation: (operationId) => findBy('operation_id', operationId),
    async list({ subscriptionId, groupKey }, { after, limit }) {
      const rows = await records.read
        .selectFrom('deployments')
        .selectAll()
        .where('subscription_id', '=', subscriptionId)
        .where('group_key', '=', groupKey)
        .where('id_key', '>', after ?? '')
        .orderBy('id_key')
        .limit(limit + 1)
        .execute()
      const items = rows.slice(0, limit).map(opened)
      return { items, next: rows.length > limit ? (items.at(-1)?.idKey ?? null) : null }
    },
    async listRunning() {
      const rows = await records.read
        .selectFrom('deployments')
        .selectAll()
        .where('state', '=', 'running')
        .execute()
      return rows.map(opened)
    },
    begin: (row) => begin({ records, recordKey }, row),
    async update({ idKey, operationId, state, document }) {
      const sealed = sealJson(recordKey, contextOf(idKey), document)
      await records.write((db) =>
        db
          .updateTable('deployments')
          .set({ state, sealed })
          .where('id_key', '=', idKey)
          .where('operation_id', '=', operationId)
          .execute(),
      )
    },
    async remove(idKey) {
      const done = await records.write((db) =>
        db.deleteFrom('deployments').where('id_key', '=', idKey).executeTakeFirst(),
      )
      return done.numDeletedRows > 0n
    },
  }
}

async function begin(
  { records, recordKey }: DeploymentRowsDeps,
  row: Omit<DeploymentRow, 'state'>,
): Promise<boolean> {
  const begun = {
    operation_id: row.operationId,
    state: 'running' as const,
    sealed: sealJson(recordKey, contextOf(row.idKey), row.document),
  }
  return await records.write(async (db) => {
    const group = await db
      .selectFrom('resource_groups')
      .select('name_key')
      .where('subscription_id', '=', row.subscriptionId)
      .where('name_key', '=', row.groupKey)
      .where('state', '=', 'active')
      .executeTakeFirst()
    if (group === undefined) return false
    const done = await db
      .insertInto('deployments')
      .values({
        id_key: row.idKey,
        subscription_id: row.subscriptionId,
        group_key: row.groupKey,
        ...begun,
      })
      .onConflict((conflict) =>
        conflict.column('id_key').doUpdateSet(begun).where('deployments.state', '=', 'done'),
      )
      .executeTakeFirst()
    return (done.numInsertedOrUpdatedRows ?? 0n) > 0n
  })
}

/** What a row's sealed document is bound to. */
export function contextOf(idKey: string): string {
  return `deployments|${idKey}`
}
