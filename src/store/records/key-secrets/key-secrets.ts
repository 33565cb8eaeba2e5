import type { Transaction } from 'kysely'
import { MacKey } from '../../../crypto/mac-key.ts'
import { RecordKey } from '../../../crypto/record-key.ts'
import type { Page } from '../../../kernel/page.ts'
import type { Records } from '../records.ts'
import { type KeyState, openState, sealState } from './key-state.ts'
import type { KeySecretsTable, KeySecretsTables } from './tables.ts'

/** A resource as its key secrets know it. */
export interface KeyOwner {
  readonly uid: string
  readonly resourceId: string
  readonly purpose: string
}

/** A resource's keys that are never in the data's own records, and which wrapping is the true one. */
export interface KeySecrets {
  readonly owner: KeyOwner
  /** The wrapping that holds; 0 before the first was proven. */
  readonly confirmed: number
  /** The highest number ever given to a wrapping; none is given twice. */
  readonly issued: number
  /** False while a change of key is under way, or was when the process ended. */
  readonly isSettled: boolean
  /** A service wrapping key was destroyed, and may still be in the database's log. */
  readonly mustScrub: boolean
  /** What must work while the customer's key is revoked. */
  readonly serviceRecordKey: RecordKey
  /** Under which the wrapping's record bears its MAC. */
  readonly macKey: MacKey
  /** Present only while some wrapping of this resource is under `Microsoft.Storage`. */
  readonly serviceWrappingKey: RecordKey | null
}

export interface KeySecretsRepository {
  find(uid: string): Promise<KeySecrets | null>
  /** Makes the service record key and the MAC key. Does nothing when the resource has them. */
  ensure(owner: KeyOwner): Promise<void>
  /**
   * Gives the next wrapping its number and unsettles the resource.
   * @param serviceWrappingKey of a wrapping under service protection; it replaces one that an undone change left
   */
  issue(uid: string, serviceWrappingKey: RecordKey | null): Promise<number>
  /**
   * Makes that wrapping the one that holds, and destroys a service wrapping key that belongs to another, in one commit.
   * @param followedKey what a push finds the resource by; null unless it follows the newest version of a customer's key
   */
  confirm(uid: string, generation: number, followedKey: string | null): Promise<void>
  /** Destroys a service wrapping key that does not belong to the wrapping that holds. Idempotent. */
  withdraw(uid: string): Promise<void>
  /** The change is over: nothing of it is left but the wrapping that holds. Idempotent. */
  settle(uid: string): Promise<void>
  remove(uid: string): Promise<void>
  /** All of them, in the order of uids. */
  listOwners(after: string, limit: number): Promise<Page<KeyOwner>>
  /** In the order of uids. */
  listUnsettled(after: string, limit: number): Promise<Page<KeyOwner>>
  /** Those that follow the newest version of that key, or of any when it is null. In the order of uids. */
  listFollowing(key: string | null, after: string, limit: number): Promise<Page<KeyOwner>>
}

/** @param recordKey `openKeysRecordKey()` */
export function keySecretsRepository(
  records: Records<KeySecretsTables>,
  recordKey: RecordKey,
): KeySecretsRepository {
  return { ...readsOf(records, recordKey), ...writesOf(records, recordKey) }
}

type Reads = Pick<KeySecretsRepository, 'find' | 'listOwners' | 'listUnsettled' | 'listFollowing'>

function readsOf({ read }: Records<KeySecretsTables>, recordKey: RecordKey): Reads {
  const page = (rows: readonly KeySecretsTable[], limit: number): Page<KeyOwner> => ({
    items: rows.map((row) => ({ uid: row.resource_uid, ...openState(recordKey, row).owner })),
    next: rows.length < limit ? null : (rows.at(-1)?.resource_uid ?? null),
  })
  const after = (uid: string, limit: number) =>
    read
      .selectFrom('key_secrets')
      .selectAll()
      .where('resource_uid', '>', uid)
      .orderBy('resource_uid')
      .limit(limit)
  return {
    async find(uid) {
      const row = await rowOf(read, uid)
      return row === undefined ? null : openKeySecrets(recordKey, row)
    },
    listOwners: async (uid, limit) => page(await after(uid, limit).execute(), limit),
    listUnsettled: async (uid, limit) =>
      page(await after(uid, limit).where('is_settled', '=', 0).execute(), limit),
    async listFollowing(key, uid, limit) {
      const all = after(uid, limit).where('followed_key', 'is not', null)
      return page(await (key === null ? all : all.where('followed_key', '=', key)).execute(), limit)
    },
  }
}

function writesOf(
  records: Records<KeySecretsTables>,
  recordKey: RecordKey,
): Omit<KeySecretsRepository, keyof Reads> {
  const sealed = (uid: string, state: KeyState) => sealState(recordKey, uid, state)
  const change = <T>(
    uid: string,
    next: (state: KeyState) => { readonly set: Partial<KeySecretsTable>; readonly result: T },
  ) =>
    records.write(async (transaction) => {
      const row = await rowOf(transaction, uid)
      if (row === undefined) throw new Error(`resource ${uid} has no keys`)
      const { set, result } = next(openState(recordKey, row))
      await transaction.updateTable('key_secrets').set(set).where('resource_uid', '=', uid).execute()
      return result
    })
  return {
    async ensure(owner) {
      const row = fresh(recordKey, owner)
      await records.write(async (transaction) => {
        await transaction
          .insertInto('key_secrets')
          .values(row)
          .onConflict((conflict) => conflict.column('resource_uid').doNothing())
          .execute()
      })
    },
    issue: (uid, serviceKey) =>
      change(uid, (state) => {
        const result = state.issued + 1
        if (serviceKey === null)
          return { set: { is_settled: 0, state: sealed(uid, { ...state, issued: result }) }, result }
        const set = {
          is_settled: 0,
          service_wrapping_key: recordKey.wrap(contextOf(uid, 'service-wrapping-key'), serviceKey),
          state: sealed(uid, { ...state, issued: result, serviceGeneration: result }),
        }
        return { set, result }
      }),
    confirm: (uid, generation, followedKey) =>
      change(uid, (state) => {
        if (generation <= state.confirmed || generation > state.issued)
          throw new Error('that wrapping was never issued')
        const confirmed = { ...withoutStaleServiceKey(state, generation), confirmed: generation }
        const set = { followed_key: followedKey, state: sealed(uid, confirmed) }
        return {
          set: confirmed.serviceGeneration === null ? { ...set, service_wrapping_key: null } : set,
          result: undefined,
        }
      }),
    async withdraw(uid) {
      const row = await rowOf(records.read, uid)
      if (row === undefined) return
      const state = openState(recordKey, row)
      if (withoutStaleServiceKey(state, state.confirmed) === state) return
      await change(uid, (now) => {
        const kept = withoutStaleServiceKey(now, now.confirmed)
        return { set: { service_wrapping_key: null, state: sealed(uid, kept) }, result: undefined }
      })
    },
    settle: (uid) =>
      change(uid, (state) => ({
        set: { is_settled: 1, state: sealed(uid, { ...state, mustScrub: false }) },
        result: undefined,
      })),
    async remove(uid) {
      await records.write(async (transaction) => {
        await transaction.deleteFrom('key_secrets').where('resource_uid', '=', uid).execute()
      })
    },
  }
}

/** A service wrapping key lives with the one wrapping that it was made for. */
function withoutStaleServiceKey(state: KeyState, generation: number): KeyState {
  const isStale = state.serviceGeneration !== null && state.serviceGeneration !== generation
  return isStale ? { ...state, serviceGeneration: null, mustScrub: true } : state
}

function rowOf(
  database: Pick<Transaction<KeySecretsTables>, 'selectFrom'>,
  uid: string,
): Promise<KeySecretsTable | undefined> {
  return database.selectFrom('key_secrets').selectAll().where('resource_uid', '=', uid).executeTakeFirst()
}

function fresh(recordKey: RecordKey, owner: KeyOwner): KeySecretsTable {
  const { uid, resourceId, purpose } = owner
  const state = {
    owner: { resourceId, purpose },
    confirmed: 0,
    issued: 0,
    serviceGeneration: null,
    mustScrub: false,
  }
  return {
    resource_uid: uid,
    is_settled: 0,
    followed_key: null,
    service_record_key: recordKey.wrap(contextOf(uid, 'service-record-key'), RecordKey.generate()),
    mac_key: recordKey.wrap(contextOf(uid, 'mac-key'), MacKey.generate()),
    service_wrapping_key: null,
    state: sealState(recordKey, uid, state),
  }
}

/** @throws SealFault when a column is not what was sealed for that row */
export function openKeySecrets(recordKey: RecordKey, row: KeySecretsTable): KeySecrets {
  const uid = row.resource_uid
  const { owner, confirmed, issued, mustScrub } = openState(recordKey, row)
  const wrapping = row.service_wrapping_key
  return {
    owner: { uid, ...owner },
    confirmed,
    issued,
    isSettled: row.is_settled === 1,
    mustScrub,
    serviceRecordKey: recordKey.unwrapRecordKey(contextOf(uid, 'service-record-key'), row.service_record_key),
    macKey: recordKey.unwrapMacKey(contextOf(uid, 'mac-key'), row.mac_key),
    serviceWrappingKey:
      wrapping === null ? null : recordKey.unwrapRecordKey(contextOf(uid, 'service-wrapping-key'), wrapping),
  }
}

function contextOf(uid: string, column: string): string {
  return `key_secrets/${uid}/${column}`
}
