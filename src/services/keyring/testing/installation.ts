import { generateSealKeyFile, parseSealKeyFile } from '../../../crypto/seal-key.ts'
import { randomGuid, randomHex } from '../../../crypto/random.ts'
import { type DataDb, dataMigrations } from '../../../store/records/data-db.ts'
import { openKeysRecordKey } from '../../../store/records/key-secrets/keys-record-key.ts'
import { keySecretsRepository } from '../../../store/records/key-secrets/key-secrets.ts'
import { type KeysDb, keysMigrations } from '../../../store/records/keys-db.ts'
import type { Migration, Records } from '../../../store/records/records.ts'
import { wrappingsRepository } from '../../../store/records/wrappings/wrappings.ts'
import type { ActivityEvent } from '../../activity/activity.ts'
import type { ProtectedResource, Protection } from '../keyring.ts'
import { type KeyringDeps, type OpenKeyring, openKeyring } from '../open-keyring.ts'
import { ScriptedVault } from './scripted-vault.ts'
import { SettableClock } from './settable-clock.ts'

export const VAULT = 'https://kv1.vault.localhost:8443'
export const OTHER_VAULT = 'https://kv2.vault.localhost:8443'
export const LEASE_MS = 5_000
export const never = new AbortController().signal

type Engine = <DB>(options: {
  readonly file: string
  readonly migrations: readonly Migration<DB>[]
  readonly durability: 'relaxed'
}) => Promise<Records<DB> & { scrub(): Promise<void> }>

/** What outlives a process: the vault, the seal key, the files. */
export interface World {
  readonly folder: string
  readonly engine: Engine
  readonly vault: ScriptedVault
  readonly clock: SettableClock
  readonly sealKeyFile: string
}

export function newWorld(engine: Engine, folder: string): World {
  return {
    folder,
    engine,
    vault: new ScriptedVault(),
    clock: new SettableClock(),
    sealKeyFile: generateSealKeyFile(),
  }
}

/** One process over the world's files. */
export interface Process {
  readonly keyring: OpenKeyring
  readonly deps: KeyringDeps
  readonly keys: Records<KeysDb>
  readonly data: Records<DataDb>
  readonly activity: ActivityEvent[]
  stop(): Promise<void>
}

/** @param change what is different from the usual: a port that fails, a shorter deadline */
export async function start(
  world: World,
  change: (deps: KeyringDeps) => KeyringDeps = (deps) => deps,
): Promise<Process> {
  const { folder, engine, vault, clock } = world
  const keys = await engine<KeysDb>({
    file: `${folder}/keys.db`,
    migrations: keysMigrations,
    durability: 'relaxed',
  })
  const data = await engine<DataDb>({
    file: `${folder}/data.db`,
    migrations: dataMigrations,
    durability: 'relaxed',
  })
  const sealKey = parseSealKeyFile(world.sealKeyFile)
  if (sealKey === null) throw new Error('no seal key')
  const recordKey = await openKeysRecordKey(keys, sealKey)
  const activity: ActivityEvent[] = []
  const deps = change({
    keyHolder: vault,
    tokens: vault,
    vaults: [{ suffix: '.vault.localhost:8443', audience: 'https://vault.localhost:8443' }],
    keySecrets: keySecretsRepository(keys, recordKey),
    wrappings: wrappingsRepository(data),
    scrub: async () => {
      await keys.scrub()
      await data.scrub()
    },
    clock,
    now: { now: () => new Date(clock.wall()) },
    activity: { record: async (event) => void activity.push(event) },
    settings: { leaseMs: LEASE_MS, renewalDeadlineMs: 2_000, refusalMemoryMs: 1_000 },
    log: { info: () => undefined, warn: () => undefined, error: () => undefined },
  })
  const keyring = await openKeyring(deps)
  const stop = async () => {
    await keyring[Symbol.asyncDispose]()
    await keys.close()
    await data.close()
  }
  return { keyring, deps, keys, data, activity, stop }
}

export function newResource(): ProtectedResource {
  const uid = randomHex(16)
  const group = '/subscriptions/0d4c6c2e-4f2c-4d5e-9a3b-1f2e3d4c5b6a/resourceGroups/g'
  return {
    uid,
    resourceId: `${group}/providers/Microsoft.ContainerRegistry/registries/r${uid}`,
    purpose: 'registry',
  }
}

export const newIdentity = () => ({ principalId: randomGuid(), clientId: randomGuid(), isSystem: false })

export function under(
  identity: ReturnType<typeof newIdentity>,
  version: string | null = null,
  name = 'k1',
  vaultUrl = VAULT,
): Extract<Protection, { source: 'customer' }> {
  return { source: 'customer', key: { vaultUrl, name, version }, identity }
}

/** Lets what was begun in the background go on until `isSo`. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 5_000
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error('it never came to be so')
    await new Promise((resolve) => setTimeout(resolve, 2))
  }
}
