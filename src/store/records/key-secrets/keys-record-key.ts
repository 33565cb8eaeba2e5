import { RecordKey } from '../../../crypto/record-key.ts'
import type { SealKey } from '../../../crypto/seal-key.ts'
import { DataFolderError } from '../../data-folder-error.ts'
import type { Records } from '../records.ts'
import type { KeySecretsTables } from './tables.ts'

const NAME = 'keys-record-key'
const context = `installation_key/${NAME}`

/**
 * The key under which everything in the keys store is sealed: random, made at the first start, and kept in the store
 * wrapped under the seal key. So the seal key can be exchanged without sealing every row anew.
 *
 * @throws DataFolderError when the store was sealed under another seal key, or its key is damaged
 */
export async function openKeysRecordKey(
  records: Records<KeySecretsTables>,
  sealKey: SealKey,
): Promise<RecordKey> {
  const stored = await records.write(async (transaction) => {
    const found = await transaction
      .selectFrom('installation_key')
      .selectAll()
      .where('name', '=', NAME)
      .executeTakeFirst()
    if (found !== undefined) return found
    const made = {
      name: NAME,
      seal_key_id: sealKey.id,
      wrapped: sealKey.recordKey.wrap(context, RecordKey.generate()),
    }
    await transaction.insertInto('installation_key').values(made).execute()
    return made
  })
  if (stored.seal_key_id !== sealKey.id) {
    throw new DataFolderError(
      `the keys store is sealed under the seal key ${stored.seal_key_id}, and the one given is ${sealKey.id}: name the right file with --seal-key`,
    )
  }
  try {
    return sealKey.recordKey.unwrapRecordKey(context, stored.wrapped)
  } catch (cause) {
    throw new DataFolderError("the keys store's own key is damaged: restore keys.db from a backup", { cause })
  }
}
