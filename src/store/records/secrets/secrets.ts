import type { KeysRecords } from '../keys-db.ts'

/** Secrets that are made once and live as long as the installation: signing keys. Kept as sealed by the caller. */
export interface SecretStore {
  /** The sealed secret of that name; `make` is asked only when there is none. */
  getOrCreate(name: string, make: () => Promise<Uint8Array>): Promise<Uint8Array>
}

export function secretStore(records: Pick<KeysRecords, 'read' | 'write'>): SecretStore {
  return {
    async getOrCreate(name, make) {
      const find = async (database: Pick<typeof records.read, 'selectFrom'>) =>
        database.selectFrom('secret').select('sealed').where('name', '=', name).executeTakeFirst()
      const known = await find(records.read)
      if (known !== undefined) return known.sealed
      const sealed = await make()
      return records.write(async (transaction) => {
        const raced = await find(transaction)
        if (raced !== undefined) return raced.sealed
        await transaction.insertInto('secret').values({ name, sealed }).execute()
        return sealed
      })
    },
  }
}
