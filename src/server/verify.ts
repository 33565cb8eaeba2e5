import { access } from 'node:fs/promises'
import { join } from 'node:path'
import type { Config } from '../config/config.ts'
import { SealFault } from '../crypto/faults.ts'
import type { Log } from '../observe/log.ts'
import { verifyStoredBlobs } from '../services/blob/verify-stored.ts'
import { isKeyringFault } from '../services/keyring/fault-kinds.ts'
import { openWrappingStore } from '../services/keyring/wrapping-store.ts'
import { registryTokenSigner } from '../services/registry/registry-tokens.ts'
import { type StoredVerification, verifyStored } from '../services/registry/verify-stored.ts'
import { auditRows } from '../store/records/activity/audit-rows.ts'
import { DataFolderError } from '../store/data-folder-error.ts'
import { assertDataFolder } from '../store/data-folder.ts'
import { keySecretsRepository } from '../store/records/key-secrets/key-secrets.ts'
import { openAllDocuments, openableKeyOwners, resourcesWithoutKeys } from '../store/records/keys-documents.ts'
import { wrappingsRepository } from '../store/records/wrappings/wrappings.ts'
import { protectedTypes } from './protected-types.ts'
import { type Stores, openStores } from './stores.ts'
import { type Damage, DamageList } from './verify-damage.ts'
import { type ResourceReports, verifyResources } from './verify-resources.ts'

export interface VerifyOptions extends Pick<Config, 'dataDir' | 'sealKeyFile' | 'leaseMs' | 'remoteVaults'> {
  readonly log: Log
  readonly progress?: (progress: VerifyProgress) => void
}

export interface VerifyProgress {
  readonly step: 'databases' | 'keys store' | 'stored' | 'resources'
  /** Rows, extents, or bytes so far. */
  readonly done: number
}

export interface VerifyReport extends ResourceReports {
  readonly ok: boolean
  readonly dataDir: string
  /** Sealed rows of the keys store that were looked at, and wrapped root keys. */
  readonly documents: number
  readonly wrappings: number
  readonly stored: StoredVerification
  readonly damageCount: number
  /** The first 1000. */
  readonly damage: readonly Damage[]
}

/**
 * Looks at all that is stored, in a data folder that nobody uses or in a backup. What no key is needed for always; what a
 * registry or a storage account holds, where its key opens. Memory does not grow with what is stored.
 *
 * It is opened as a start opens it: a change of key that a crash cut short is finished or undone first, and the vaults'
 * audit log in that folder records each unwrap.
 *
 * @throws DataFolderError when it is in use, or cannot be opened at all
 */
export async function verify(options: VerifyOptions): Promise<VerifyReport> {
  const { dataDir, sealKeyFile, progress = () => undefined } = options
  await assertDataFolder(dataDir)
  for (const name of ['keys.db', 'data.db']) await assertThere(join(dataDir, name))
  await using stores = await openStores({ dataDir, sealKeyFile, durability: 'full' })
  const damage = new DamageList()
  progress({ step: 'databases', done: 0 })
  for (const [name, database] of [
    ['keys.db', stores.keys],
    ['data.db', stores.data],
  ] as const)
    for (const problem of database.integrityProblems()) damage.add(name, problem)
  const documents = await verifyDocuments(stores, damage, progress)
  const wrappings = await verifyWrappings(stores, damage, options.log)
  const stored = await verifyLengths(stores, damage, progress)
  const resources = await verifyResources({ ...options, stores, damage, progress })
  return {
    ok: damage.count === 0,
    dataDir,
    documents,
    wrappings,
    stored,
    ...resources,
    damageCount: damage.count,
    damage: damage.listed,
  }
}

/** Of registries and storage accounts: they share the byte store. */
async function verifyLengths(
  stores: Stores,
  damage: DamageList,
  progress: NonNullable<VerifyOptions['progress']>,
): Promise<StoredVerification> {
  const from = { records: stores.data, bytes: stores.bytes }
  let looked = 0
  const sink = {
    damage: (where: string, problem: string) => damage.add(where, problem),
    looked: (count: number) => progress({ step: 'stored', done: (looked += count) }),
  }
  const registries = await verifyStored(from, sink, never)
  const blobs = await verifyStoredBlobs(from, sink, never)
  return {
    ...registries,
    extents: registries.extents + blobs.extents,
    bytes: registries.bytes + blobs.bytes,
  }
}

const never = new AbortController().signal

/** A missing one would be made, empty. */
async function assertThere(path: string): Promise<void> {
  await access(path).catch((error: unknown) => {
    throw new DataFolderError(`${path} is missing: restore the data folder from a backup`, { cause: error })
  })
}

async function verifyDocuments(
  stores: Stores,
  damage: DamageList,
  progress: NonNullable<VerifyOptions['progress']>,
): Promise<number> {
  let count = 0
  for await (const { table, error } of openAllDocuments(stores.keys, stores.recordKey)) {
    progress({ step: 'keys store', done: ++count })
    if (error === null) continue
    damage.add(`keys.db, ${rowOf(error) ?? table}`, 'its row does not open: altered, or moved from elsewhere')
  }
  await registryTokenSigner(stores.secrets, stores.recordKey).catch((error: unknown) => {
    if (!(error instanceof SealFault)) throw error
    damage.add(
      'keys.db, secret/registry-token-signer',
      'its row does not open: altered, or moved from elsewhere',
    )
  })
  for (const { type } of protectedTypes)
    for (const id of await resourcesWithoutKeys(stores.keys, type))
      damage.add(id, 'its keys are missing from the keys store')
  const { keys: records, recordKey, auditKey: macKey } = stores
  const broken = await auditRows({ records, recordKey, macKey }).findBreak()
  if (broken !== null)
    damage.add(
      `keys.db, audit log, entry ${broken}`,
      'the chain breaks: it was altered, or one before it was taken away',
    )
  return count
}

/** Of each resource: whether the wrapping that holds is there and is its own. Opens no root key. */
async function verifyWrappings(stores: Stores, damage: DamageList, log: Log): Promise<number> {
  const { keys, data, recordKey } = stores
  const store = openWrappingStore({
    keySecrets: keySecretsRepository(keys, recordKey),
    wrappings: wrappingsRepository(data),
    scrub: async () => undefined,
    log,
  })
  let count = 0
  for await (const owner of openableKeyOwners(keys, recordKey)) {
    count++
    try {
      await store.find(owner)
    } catch (error) {
      if (!isKeyringFault(error) || !('reason' in error.facts)) throw error
      damage.add(owner.resourceId, `its wrapped root key is refused: ${error.facts.reason}`)
    }
  }
  return count
}

/** Table and primary key, as the row's seal is bound to them. */
function rowOf(error: unknown): string | null {
  if (!(error instanceof SealFault)) return null
  const { facts } = error as SealFault
  return 'context' in facts ? facts.context.replaceAll('\n', '/') : null
}
