import type { Clock } from '../../kernel/clock.ts'
import { type Json, type JsonObject, isJsonObject } from '../../kernel/json.ts'
import { DAY_MS, MINUTE_MS } from '../../kernel/units.ts'
import type {
  DeletedVaultRecord,
  DeletedVaultRecords,
} from '../../store/records/vault/deleted-vault-records.ts'
import type { Due } from '../../store/records/vault/key-records.ts'
import type { Resource, ResourceReader } from '../resources/provider.ts'
import { refused } from '../resources/faults.ts'
import type { ObservedTime } from './observed-time.ts'
import { retentionDays } from './vault-settings.ts'

/** A soft-deleted vault: its name is taken, its keys wait. */
export interface DeletedVault {
  readonly uid: string
  readonly subscriptionId: string
  /** What of the resource comes back. */
  readonly resource: Pick<Resource, 'id' | 'name' | 'location' | 'tags' | 'properties'>
  readonly deletedAt: Date
  readonly purgeAt: Date
  readonly isPurgeProtected: boolean
}

export interface DeletedVaults {
  /** Called before the resource's row goes; may be called again for the same vault. */
  keep(resource: Resource): Promise<void>
  /** Null also when a live vault has the name. */
  find(name: string): Promise<DeletedVault | null>
  list(subscriptionId: string): Promise<readonly DeletedVault[]>
  /** As `find`; from now on and until `settled` nobody purges it, if it comes back at that place and not at another. */
  beginRecovery(at: Pick<Resource, 'id' | 'name' | 'location'>): Promise<DeletedVault | null>
  /** A vault of that uid and name is committed: whatever was kept of it has come back. */
  settled(vault: Pick<Resource, 'uid' | 'name'>): Promise<void>
  /** @throws ResourceFault when purge protection is on, or a recovery is under way */
  purge(vault: DeletedVault): Promise<void>
  /** @returns those whose retention is over by both clocks; not those that live again */
  listDue(due: Due): Promise<readonly DeletedVault[]>
  /** @returns whether it is gone; not while a recovery is under way */
  purgeDue(vault: DeletedVault, due: Due): Promise<boolean>
}

/** Longer than any recovery takes; a recovery that failed must not forbid purging for ever. */
const RECOVERY_MS = MINUTE_MS
const DUE_AT_ONCE = 100

export function deletedVaults(deps: {
  readonly records: DeletedVaultRecords
  readonly resources: Pick<ResourceReader, 'findByUid'>
  readonly observed: Pick<ObservedTime, 'nowMs'>
  readonly clock: Clock
  readonly monotonic: () => number
}): DeletedVaults {
  const { records } = deps
  const recoveries = new Map<string, number>()
  const isRecovering = (name: string) => {
    const since = recoveries.get(name.toLowerCase())
    return since !== undefined && deps.monotonic() - since < RECOVERY_MS
  }
  // Deletion and recovery are two commits each, the resource's and ours: while both rows are there, the live one holds.
  const ifGone = async (record: DeletedVaultRecord): Promise<DeletedVault | null> =>
    (await deps.resources.findByUid(record.uid)) === null ? deletedVault(record) : null
  const find = async (name: string) => {
    const record = await records.findByName(name)
    return record === null ? null : await ifGone(record)
  }
  const gone = async (all: readonly DeletedVaultRecord[]) =>
    (await Promise.all(all.map(ifGone))).filter((vault) => vault !== null)
  const purge = async ({ uid }: DeletedVault, due?: Due) =>
    await records.purge(
      uid,
      ({ name, purgeAfterMs, purgeAt }) =>
        !isRecovering(name) &&
        // Since it was listed it may have been recovered and deleted anew.
        (due === undefined || (purgeAfterMs <= due.observedMs && purgeAt <= due.now)),
    )
  return {
    async keep(resource) {
      const deletedAt = deps.clock.now()
      const retentionMs = retentionDays(resource.properties) * DAY_MS
      await records.put({
        uid: resource.uid,
        name: resource.name,
        subscriptionId: resource.subscriptionId,
        deletedAt,
        purgeAt: new Date(deletedAt.getTime() + retentionMs),
        purgeAfterMs: deps.observed.nowMs() + retentionMs,
        resource: keptForm(resource),
      })
    },
    find,
    list: async (subscriptionId) => await gone(await records.list(subscriptionId)),
    async beginRecovery(at) {
      const found = await find(at.name)
      // Else whoever may make vaults anywhere could keep another's from being purged.
      if (found === null || !isFormerPlace(found, at)) return found
      recoveries.set(at.name.toLowerCase(), deps.monotonic())
      // Again: it may have been purged before that.
      return await find(at.name)
    },
    async settled({ uid, name }) {
      await records.forget(uid)
      recoveries.delete(name.toLowerCase())
    },
    async purge(vault) {
      if (vault.isPurgeProtected) throw purgeProtected(vault)
      if (!(await purge(vault))) {
        throw refused(
          409,
          'ConflictError',
          `The vault '${vault.resource.name}' is being recovered or purged.`,
        )
      }
    },
    listDue: async (due) => await gone(await records.listDue(due, DUE_AT_ONCE)),
    purgeDue: purge,
  }
}

/** A vault comes back where it was deleted and nowhere else. */
export function isFormerPlace(
  { resource }: Pick<DeletedVault, 'resource'>,
  { id, location }: Pick<Resource, 'id' | 'location'>,
): boolean {
  return resource.id.toLowerCase() === id.toLowerCase() && resource.location === location
}

function purgeProtected({ resource, purgeAt }: DeletedVault) {
  return refused(
    403,
    'DeletedVaultPurge',
    `Operation "DeletedVaultPurge" is not allowed because purge protection is enabled for the vault '${resource.name}'. It will be purged after its retention period has passed, not before ${purgeAt.toISOString()}.`,
  )
}

function keptForm({ id, name, location, tags, properties }: Resource): JsonObject {
  return { id, name, location, tags, properties }
}

function deletedVault({
  uid,
  subscriptionId,
  resource,
  deletedAt,
  purgeAt,
}: DeletedVaultRecord): DeletedVault {
  const kept = isJsonObject(resource) ? resource : {}
  const properties = isJsonObject(kept['properties']) ? kept['properties'] : {}
  return {
    uid,
    subscriptionId,
    resource: {
      id: text(kept['id']),
      name: text(kept['name']),
      location: text(kept['location']),
      tags: (kept['tags'] ?? {}) as Readonly<Record<string, string>>,
      properties,
    },
    deletedAt,
    purgeAt,
    isPurgeProtected: properties['enablePurgeProtection'] === true,
  }
}

function text(value: Json | undefined): string {
  if (typeof value !== 'string') throw new Error('a deleted vault has lost its resource')
  return value
}
