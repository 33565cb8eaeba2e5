import type { Config } from '../config/config.ts'
import { SealFault } from '../crypto/faults.ts'
import { systemClock } from '../kernel/clock.ts'
import type { Endpoints } from '../kernel/endpoints.ts'
import { Outage } from '../kernel/fault.ts'
import type { Log } from '../observe/log.ts'
import { isKeyringFault } from '../services/keyring/fault-kinds.ts'
import type { Keyring } from '../services/keyring/keyring.ts'
import type { RegistryVerification } from '../services/registry/verify-walk.ts'
import { verifyRegistry } from '../services/registry/verify.ts'
import type { KeyOwner } from '../store/records/key-secrets/key-secrets.ts'
import { openableKeyOwners } from '../store/records/keys-documents.ts'
import { readOwner } from './bootstrap.ts'
import { loginServerOf, openDataSide } from './data-side.ts'
import { openKeysSide } from './keys-side.ts'
import { leaseClock } from './services.ts'
import type { Stores } from './stores.ts'
import type { DamageList } from './verify-damage.ts'

export interface RegistryReport {
  readonly name: string
  readonly resourceId: string
  /** Whether its key opened; if not, only lengths and references were looked at, which is no failure. */
  readonly key: 'open' | 'refused' | 'no answer' | 'not asked'
  /** Why the key did not open. */
  readonly cause: string | null
  /** What was opened; null when the key did not open. */
  readonly content: RegistryVerification | null
}

export interface VerifyRegistriesDeps {
  readonly stores: Stores
  readonly damage: DamageList
  readonly leaseMs: Config['leaseMs']
  readonly remoteVaults: Config['remoteVaults']
  readonly log: Log
  readonly progress: (progress: { readonly step: 'registries'; readonly done: number }) => void
}

/** Opens what registries hold, one after the other, as far as the vaults allow it. */
export async function verifyRegistries(deps: VerifyRegistriesDeps): Promise<readonly RegistryReport[]> {
  const { stores } = deps
  const owners: KeyOwner[] = []
  for await (const owner of openableKeyOwners(stores.keys, stores.recordKey))
    if (owner.purpose === 'registry') owners.push(owner)
  const endpoints = await endpointsOf(stores)
  if (endpoints === null)
    return owners.map((owner) => unopened(owner, 'not asked', 'secrets/owner.json is missing'))
  try {
    return await withKeyring(deps, endpoints, async (keyring) => {
      const reports: RegistryReport[] = []
      let done = 0
      const opened = (bytes: number) => deps.progress({ step: 'registries', done: (done += bytes) })
      for (const owner of owners) reports.push(await report(deps, { keyring, endpoints, owner, opened }))
      return reports
    })
  } catch (error) {
    // Reported already, row by row.
    if (error instanceof SealFault)
      return owners.map((owner) => unopened(owner, 'not asked', 'the keys store is damaged'))
    throw error
  }
}

/** What key ids bear, as the server used it last; null when nobody knows. */
async function endpointsOf({ folder }: Stores): Promise<Endpoints | null> {
  return await readOwner(folder.secretFile('owner.json'))
}

/** As a start joins them: so the vault decides, and its audit log tells. */
async function withKeyring<T>(
  { stores, leaseMs, remoteVaults, log }: VerifyRegistriesDeps,
  endpoints: Endpoints,
  work: (keyring: Keyring) => Promise<T>,
): Promise<T> {
  const clock = systemClock
  const config = { leaseMs, remoteVaults }
  const monotonic = () => leaseClock.monotonic()
  using keysSide = await openKeysSide({ stores, config, endpoints, clock, monotonic })
  await using dataSide = await openDataSide({
    stores,
    keysSide,
    vaults: keysSide.vaults,
    endpoints,
    config,
    clock,
    leaseClock,
    log,
  })
  return await work(dataSide.keyring)
}

interface Task {
  readonly keyring: Keyring
  readonly endpoints: Endpoints
  readonly owner: KeyOwner
  readonly opened: (bytes: number) => void
}

async function report(
  { stores, damage }: VerifyRegistriesDeps,
  { keyring, endpoints, owner, opened }: Task,
): Promise<RegistryReport> {
  const { uid, resourceId } = owner
  const name = nameOf(owner)
  try {
    const content = await verifyRegistry(
      { records: stores.data, bytes: stores.bytes, keyring },
      { uid, resourceId, name, loginServer: loginServerOf(endpoints, name) },
      { damage: (where, problem) => damage.add(where, problem), opened },
      new AbortController().signal,
    )
    return { name, resourceId, key: 'open', cause: null, content }
  } catch (error) {
    if (error instanceof Outage) return unopened(owner, 'no answer', error.message)
    if (!isKeyringFault(error)) throw error
    const { facts } = error
    return unopened(owner, 'refused', 'cause' in facts ? facts.cause : error.code)
  }
}

function unopened(
  owner: KeyOwner,
  key: Exclude<RegistryReport['key'], 'open'>,
  cause: string,
): RegistryReport {
  return { name: nameOf(owner), resourceId: owner.resourceId, key, cause, content: null }
}

function nameOf({ resourceId }: KeyOwner): string {
  return (resourceId.split('/').at(-1) ?? '').toLowerCase()
}
