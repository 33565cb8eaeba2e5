import type { RecordKey } from '../../../crypto/record-key.ts'
import type { Records } from '../records.ts'
import { placeOf, versionRows } from './key-queries.ts'
import { keySeals } from './key-seals.ts'
import type { KeyUse } from './stored-key.ts'
import type { VaultTables } from './tables.ts'

/** The last unwrap of each version; goes with the key. */
export interface KeyUseRecords {
  /** Nothing happens when the version is gone. */
  recordUse(vaultUid: string, name: string, use: KeyUse): Promise<void>
  listUses(vaultUid: string, name: string): Promise<readonly KeyUse[]>
}

export function keyUseRecords(
  records: Pick<Records<VaultTables>, 'read' | 'write'>,
  recordKey: RecordKey,
): KeyUseRecords {
  const seals = keySeals(recordKey)
  return {
    recordUse: (vaultUid, name, use) =>
      records.write(async (write) => {
        const place = placeOf(vaultUid, name)
        const { version } = use
        const row = await versionRows(write, place)
          .select('version')
          .where('version', '=', version)
          .executeTakeFirst()
        if (row === undefined) return
        const document = seals.sealUse(place, use)
        await write
          .insertInto('vault_key_use')
          .values({ vault_uid: vaultUid, name: place.name, version, document })
          .onConflict((conflict) =>
            conflict.columns(['vault_uid', 'name', 'version']).doUpdateSet({ document }),
          )
          .execute()
      }),
    async listUses(vaultUid, name) {
      const place = placeOf(vaultUid, name)
      const rows = await records.read
        .selectFrom('vault_key_use')
        .select(['version', 'document'])
        .where('vault_uid', '=', vaultUid)
        .where('name', '=', place.name)
        .execute()
      return rows.map((row) => seals.openUse(place, row.version, row.document))
    },
  }
}
