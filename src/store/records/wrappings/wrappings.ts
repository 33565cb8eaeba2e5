import type { Records } from '../records.ts'
import type { WrappingTable, WrappingsTables } from './tables.ts'

/** A wrapped root key as it is stored. Nothing in it is believed before its MAC was verified. */
export type StoredWrapping = WrappingTable

export interface WrappingsRepository {
  find(uid: string, generation: number): Promise<StoredWrapping | null>
  /** The generations that are stored: one, two while a change of key is under way. */
  listGenerations(uid: string): Promise<readonly number[]>
  add(wrapping: StoredWrapping): Promise<void>
  /** Removes all but the one that holds, and that one too when `kept` is null. Idempotent. */
  removeOthers(uid: string, kept: number | null): Promise<void>
}

export function wrappingsRepository(records: Records<WrappingsTables>): WrappingsRepository {
  return {
    async find(uid, generation) {
      const query = records.read.selectFrom('wrapping').selectAll().where('resource_uid', '=', uid)
      return (await query.where('generation', '=', generation).executeTakeFirst()) ?? null
    },
    async listGenerations(uid) {
      const query = records.read.selectFrom('wrapping').select('generation').where('resource_uid', '=', uid)
      return (await query.orderBy('generation').execute()).map(({ generation }) => generation)
    },
    async add(wrapping) {
      await records.write(async (transaction) => {
        await transaction.insertInto('wrapping').values(wrapping).execute()
      })
    },
    async removeOthers(uid, kept) {
      await records.write(async (transaction) => {
        const all = transaction.deleteFrom('wrapping').where('resource_uid', '=', uid)
        await (kept === null ? all : all.where('generation', '!=', kept)).execute()
      })
    },
  }
}
