import type { RecordKey } from '../../../crypto/record-key.ts'
import type { JsonObject } from '../../../kernel/json.ts'
import type { Page } from '../../../kernel/page.ts'
import type { Records } from '../records.ts'
import { openJson, sealJson } from './sealed-json.ts'
import type { ResourcesTables } from './tables.ts'

export interface SubscriptionRow {
  readonly id: string
  readonly tenantId: string
  readonly document: JsonObject
}

export interface GroupRow {
  readonly subscriptionId: string
  /** The group's name in lower case. */
  readonly nameKey: string
  readonly state: 'active' | 'deleting'
  readonly document: JsonObject
}

export interface GroupRows {
  /** Leaves one that exists as it is. */
  addSubscription(row: SubscriptionRow): Promise<void>
  findSubscription(id: string): Promise<SubscriptionRow | null>
  listSubscriptions(): Promise<readonly SubscriptionRow[]>
  find(subscriptionId: string, nameKey: string): Promise<GroupRow | null>
  list(
    subscriptionId: string,
    page: { readonly after: string | null; readonly limit: number },
  ): Promise<Page<GroupRow>>
  /** @returns false, and changes nothing, while the group is being deleted */
  save(row: Omit<GroupRow, 'state'>): Promise<boolean>
  setState(subscriptionId: string, nameKey: string, state: GroupRow['state']): Promise<void>
  /** Groups whose deletion did not end: a crash is behind it. */
  reactivateAll(): Promise<void>
  /** With the deployments that were made in it. */
  remove(subscriptionId: string, nameKey: string): Promise<void>
}

export interface GroupRowsDeps {
  readonly records: Pick<Records<ResourcesTables>, 'read' | 'write'>
  readonly recordKey: RecordKey
}

export function groupRows({ records, recordKey }: GroupRowsDeps): GroupRows {
  const openedGroup = (row: ResourcesTables['resource_groups']): GroupRow => ({
    subscriptionId: row.subscription_id,
    nameKey: row.name_key,
    state: row.state,
    document: openJson(recordKey, groupContext(row.subscription_id, row.name_key), row.sealed),
  })
  return {
    ...subscriptionRows({ records, recordKey }),
    async find(subscriptionId, nameKey) {
      const row = await records.read
        .selectFrom('resource_groups')
        .selectAll()
        .where('subscription_id', '=', subscriptionId)
        .where('name_key', '=', nameKey)
        .executeTakeFirst()
      return row === undefined ? null : openedGroup(row)
    },
    async list(subscriptionId, { after, limit }) {
      const rows = await records.read
        .selectFrom('resource_groups')
        .selectAll()
        .where('subscription_id', '=', subscriptionId)
        .where('name_key', '>', after ?? '')
        .orderBy('name_key')
        .limit(limit + 1)
        .execute()
      const items = rows.slice(0, limit).map(openedGroup)
      return { items, next: rows.length > limit ? (items.at(-1)?.nameKey ?? null) : null }
    },
    async save({ subscriptionId, nameKey, document }) {
      const sealed = sealJson(recordKey, groupContext(subscriptionId, nameKey), document)
      const done = await records.write((db) =>
        db
          .insertInto('resource_groups')
          .values({ subscription_id: subscriptionId, name_key: nameKey, state: 'active', sealed })
          .onConflict((conflict) =>
            conflict
              .columns(['subscription_id', 'name_key'])
              .doUpdateSet({ sealed })
              .where('resource_groups.state', '=', 'active'),
          )
          .executeTakeFirst(),
      )
      return (done.numInsertedOrUpdatedRows ?? 0n) > 0n
    },
    async setState(subscriptionId, nameKey, state) {
      await records.write((db) =>
        db
          .updateTable('resource_groups')
          .set({ state })
          .where('subscription_id', '=', subscriptionId)
          .where('name_key', '=', nameKey)
          .execute(),
      )
    },
    async reactivateAll() {
      await records.write((db) =>
        db.updateTable('resource_groups').set({ state: 'active' }).where('state', '=', 'deleting').execute(),
      )
    },
    async remove(subscriptionId, nameKey) {
      await records.write(async (db) => {
        await db
          .deleteFrom('resource_groups')
          .where('subscription_id', '=', subscriptionId)
          .where('name_key', '=', nameKey)
          .execute()
        await db
          .deleteFrom('deployments')
          .where('subscription_id', '=', subscriptionId)
          .where('group_key', '=', nameKey)
          .execute()
      })
    },
  }
}

function subscriptionRows({
  records,
  recordKey,
}: GroupRowsDeps): Pick<GroupRows, 'addSubscription' | 'findSubscription' | 'listSubscriptions'> {
  const opened = (row: ResourcesTables['subscriptions']): SubscriptionRow => ({
    id: row.id,
    tenantId: row.tenant_id,
    document: openJson(recordKey, subscriptionContext(row.id), row.sealed),
  })
  return {
    async addSubscription({ id, tenantId, document }) {
      const sealed = sealJson(recordKey, subscriptionContext(id), document)
      await records.write((db) =>
        db
          .insertInto('subscriptions')
          .values({ id, tenant_id: tenantId, sealed })
          .onConflict((conflict) => conflict.column('id').doNothing())
          .execute(),
      )
    },
    async findSubscription(id) {
      const row = await records.read
        .selectFrom('subscriptions')
        .selectAll()
        .where('id', '=', id)
        .executeTakeFirst()
      return row === undefined ? null : opened(row)
    },
    async listSubscriptions() {
      const rows = await records.read.selectFrom('subscriptions').selectAll().orderBy('id').execute()
      return rows.map(opened)
    },
  }
}

/** What a subscription's document is bound to. */
export function subscriptionContext(id: string): string {
  return `subscriptions|${id}`
}

/** What a group's document is bound to. */
export function groupContext(subscriptionId: string, nameKey: string): string {
  return `resource_groups|${subscriptionId}|${nameKey}`
}
