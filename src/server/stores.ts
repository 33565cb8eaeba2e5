import { readFile } from 'node:fs/promises'
import type { Config } from '../config/config.ts'
import { MacKey } from '../crypto/mac-key.ts'
import type { RecordKey } from '../crypto/record-key.ts'
import { type SealKey, generateSealKeyFile, parseSealKeyFile } from '../crypto/seal-key.ts'
import { openFileByteStore } from '../store/bytes/files/file-byte-store.ts'
import { DataFolderError } from '../store/data-folder-error.ts'
import { writeSecretFile } from '../store/data-folder-files.ts'
import { type DataFolder, openDataFolder } from '../store/data-folder.ts'
import { type DataDb, dataMigrations } from '../store/records/data-db.ts'
import { openKeysRecordKey } from '../store/records/key-secrets/keys-record-key.ts'
import { type KeysDb, keysMigrations } from '../store/records/keys-db.ts'
import { type SecretStore, secretStore } from '../store/records/secrets/secrets.ts'
import { type SqliteRecords, openSqliteRecords } from '../store/records/sqlite/sqlite-records.ts'
import type { ByteStore } from '../store/bytes/byte-store.ts'
import { isThere, readFileIfThere } from './files.ts'

/** Everything that is kept, opened: folder, both databases, bytes, and the key that seals the keys store. */
export interface Stores extends AsyncDisposable {
  readonly folder: DataFolder
  readonly keys: SqliteRecords<KeysDb>
  readonly data: SqliteRecords<DataDb>
  readonly bytes: ByteStore
  /** Seals what is in `keys.db`. */
  readonly recordKey: RecordKey
  readonly secrets: SecretStore
  /** Chains the vault audit log. */
  readonly auditKey: MacKey
}

export type StoreOptions = Pick<Config, 'dataDir' | 'sealKeyFile' | 'durability'>

/** @throws DataFolderError with one line for the operator */
export async function openStores({ dataDir, sealKeyFile, durability }: StoreOptions): Promise<Stores> {
  await using opened = new AsyncDisposableStack()
  const folder = opened.use(await openDataFolder(dataDir))
  await assertWhole(folder)
  const sealKey = await sealKeyOf(folder, sealKeyFile)
  const keys = await openSqliteRecords<KeysDb>({
    file: folder.file('keys.db'),
    migrations: keysMigrations,
    durability,
  })
  opened.defer(() => keys.close())
  const data = await openSqliteRecords<DataDb>({
    file: folder.file('data.db'),
    migrations: dataMigrations,
    durability,
  })
  opened.defer(() => data.close())
  const bytes = opened.use(await openFileByteStore(folder.bytesPath))
  const recordKey = await openKeysRecordKey(keys, sealKey)
  const secrets = secretStore(keys)
  const auditKey = await auditKeyOf(secrets, recordKey)
  const all = opened.move()
  return {
    folder,
    keys,
    data,
    bytes,
    recordKey,
    secrets,
    auditKey,
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}

/** A database that is gone is not made anew without a word: after the first start both are there. */
async function assertWhole(folder: DataFolder): Promise<void> {
  if (!(await isThere(folder.secretFile('owner.json')))) return
  for (const name of ['keys.db', 'data.db']) {
    const file = folder.file(name)
    if (!(await isThere(file))) throw new DataFolderError(`${file} is missing: put it back from a backup`)
  }
}

async function sealKeyOf(folder: DataFolder, file: string | null): Promise<SealKey> {
  const path = file ?? folder.secretFile('seal.key')
  const stored = await readFileIfThere(path).catch((cause: unknown) => {
    throw new DataFolderError(`the seal key ${path} cannot be read: check its owner and mode (0600)`, {
      cause,
    })
  })
  if (stored === null) {
    // A store without its key: a new key would open nothing, so it is not made.
    if (await isThere(folder.file('keys.db'))) {
      throw new DataFolderError(
        `the seal key ${path} is missing: name the file that this data folder was sealed under with --seal-key`,
      )
    }
    await writeSecretFile(path, generateSealKeyFile())
  }
  const sealKey = parseSealKeyFile(stored ?? (await readFile(path, 'utf8')))
  if (sealKey === null)
    throw new DataFolderError(`${path} is no seal key of Strongroom: name the right file with --seal-key`)
  return sealKey
}

async function auditKeyOf(secrets: SecretStore, recordKey: RecordKey): Promise<MacKey> {
  const context = 'audit chain key'
  const sealed = await secrets.getOrCreate('audit-chain-key', async () =>
    recordKey.wrap(context, MacKey.generate()),
  )
  try {
    return recordKey.unwrapMacKey(context, sealed)
  } catch (cause) {
    throw new DataFolderError("the audit log's key is damaged: restore keys.db from a backup", { cause })
  }
}
