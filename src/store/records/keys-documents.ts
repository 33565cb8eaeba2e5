import { SealFault } from '../../crypto/faults.ts'
import type { RecordKey } from '../../crypto/record-key.ts'
import { contextOf as assignmentContext } from './access/assignments.ts'
import { contextOf as eventContext } from './activity/activity-rows.ts'
import { contextOf as auditContext } from './activity/audit-rows.ts'
import { contextOf as directoryContext } from './directory/directory-objects.ts'
import { type KeyOwner, openKeySecrets } from './key-secrets/key-secrets.ts'
import type { KeysDb, KeysRecords } from './keys-db.ts'
import { contextOf as deploymentContext } from './resources/deployment-rows.ts'
import { groupContext, subscriptionContext } from './resources/group-rows.ts'
import { contextOf as operationContext } from './resources/operation-rows.ts'
import { contextOf as resourceContext } from './resources/resource-rows.ts'
import { contextOf as deletedVaultContext } from './vault/deleted-vault-records.ts'
import { keySeals } from './vault/key-seals.ts'

/** A row of `keys.db` that was opened, or was not. */
export interface OpenedRow {
  readonly table: keyof KeysDb
  /** Why not: a `SealFault`, whose context names the row, or what a parser said. Null: it opens. */
  readonly error: unknown
}

/** Opens every sealed column of a row. */
type Opener<T extends keyof KeysDb> = (row: KeysDb[T]) => unknown
type Openers = { readonly [T in keyof KeysDb]: Opener<T> | null }

/** A table that is forgotten here does not compile. Null: nothing is sealed, or a start opens it itself. */
function openersOf(key: RecordKey): Openers {
  const seals = keySeals(key)
  const placeOf = (row: { readonly vault_uid: string; readonly name: string }) => ({
    vaultUid: row.vault_uid,
    name: row.name,
  })
  return {
    directory_objects: (row) => key.open(directoryContext(row.kind, row.id), row.document),
    access_assignments: (row) => key.open(assignmentContext(row.name), row.document),
    subscriptions: (row) => key.open(subscriptionContext(row.id), row.sealed),
    resource_groups: (row) => key.open(groupContext(row.subscription_id, row.name_key), row.sealed),
    resources: (row) => key.open(resourceContext(row), row.sealed),
    deployments: (row) => key.open(deploymentContext(row.id_key), row.sealed),
    operations: (row) => key.open(operationContext(row.id), row.sealed),
    vault_key: (row) => seals.openKey(placeOf(row), row.document),
    vault_key_version: (row) => [
      seals.openVersion(placeOf(row), row.version, row.document),
      seals.openMaterial(placeOf(row), row.version, row.material),
    ],
    vault_key_use: (row) => seals.openUse(placeOf(row), row.version, row.document),
    vault_deleted: (row) => key.open(deletedVaultContext(row.uid), row.document),
    vault_observed_time: null,
    key_secrets: (row) => openKeySecrets(key, row),
    installation_key: null,
    activity_events: (row) => key.open(eventContext(row.id), row.sealed),
    vault_audit: (row) => key.open(auditContext(row.seq), row.sealed),
    secret: null,
  }
}

/** Opens all that is sealed in `keys.db`, a row at a time, and keeps nothing of it. */
export async function* openAllDocuments(
  records: Pick<KeysRecords, 'read'>,
  key: RecordKey,
): AsyncGenerator<OpenedRow> {
  const openers = openersOf(key)
  for (const table of Object.keys(openers) as (keyof KeysDb)[]) {
    // The row is of the table that the opener is for; the compiler cannot tie the two in a loop.
    const open = openers[table] as ((row: unknown) => unknown) | null
    if (open === null) continue
    for await (const row of records.read.selectFrom(table).selectAll().stream()) {
      yield { table, error: errorOf(() => open(row)) }
    }
  }
}

/** Resources that have keys, as far as their keys open. */
export async function* openableKeyOwners(
  records: Pick<KeysRecords, 'read'>,
  key: RecordKey,
): AsyncGenerator<KeyOwner> {
  for await (const row of records.read.selectFrom('key_secrets').selectAll().stream()) {
    const owner = unlessBroken(() => openKeySecrets(key, row).owner)
    if (owner !== null) yield owner
  }
}

/** Ids, in lower case, of the resources of a type that ought to have keys, and have none. */
export async function resourcesWithoutKeys(
  { read }: Pick<KeysRecords, 'read'>,
  type: string,
): Promise<readonly string[]> {
  const rows = await read
    .selectFrom('resources as r')
    .leftJoin('key_secrets as k', 'k.resource_uid', 'r.uid')
    .select('r.id_key')
    .where('r.type_key', '=', type.toLowerCase())
    .where('k.resource_uid', 'is', null)
    .execute()
  return rows.map(({ id_key }) => id_key)
}

function unlessBroken<T>(open: () => T): T | null {
  try {
    return open()
  } catch (error) {
    // Told by `openAllDocuments`.
    if (error instanceof SealFault) return null
    throw error
  }
}

function errorOf(step: () => unknown): unknown {
  try {
    step()
    return null
  } catch (error) {
    return error
  }
}
