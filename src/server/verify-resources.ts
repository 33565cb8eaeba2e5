import type { Config } from '../config/config.ts'
import { SealFault } from '../crypto/faults.ts'
import { systemClock } from '../kernel/clock.ts'
import type { Endpoints } from '../kernel/endpoints.ts'
import { Outage } from '../kernel/fault.ts'
import type { Log } from '../observe/log.ts'
import { type BlobVerification, verifyBlobs } from '../services/blob/verify.ts'
import { isKeyringFault } from '../services/keyring/fault-kinds.ts'
import type { RegistryVerification } from '../services/registry/verify-walk.ts'
import { verifyRegistry } from '../services/registry/verify.ts'
import type { KeyOwner } from '../store/records/key-secrets/key-secrets.ts'
import { openableKeyOwners } from '../store/records/keys-documents.ts'
import { readOwner } from './bootstrap.ts'
import { type DataSide, loginServerOf, openDataSide } from './data-side.ts'
import { type KeysSide, openKeysSide } from './keys-side.ts'
import { leaseClock } from './services.ts'
import type { Stores } from './stores.ts'
import type { DamageList } from './verify-damage.ts'

/** Whether a resource's key opened, and what was then looked at. */
interface ResourceReport<T> {
  readonly name: string
  readonly resourceId: string
  /** If its key did not open, only lengths and references were looked at, which is no failure. */
  readonly key: 'open' | 'refused' | 'no answer' | 'not asked'
  /** Why the key did not open. */
  readonly cause: string | null
  /** What was opened; null when the key did not open. */
  readonly content: T | null
}

export type RegistryReport = ResourceReport<RegistryVerification>
export type AccountReport = ResourceReport<BlobVerification>

export interface ResourceReports {
  readonly registries: readonly RegistryReport[]
  readonly accounts: readonly AccountReport[]
}

export interface VerifyResourcesDeps {
  readonly stores: Stores
  readonly damage: DamageList
  readonly leaseMs: Config['leaseMs']
  readonly remoteVaults: Config['remoteVaults']
  readonly log: Log
  readonly progress: (progress: { readonly step: 'resources'; readonly done: number }) => void
}

/** Opens what registries and storage accounts hold, one after the other, as far as the vaults allow it. */
export async function verifyResources(deps: VerifyResourcesDeps): Promise<ResourceReports> {
  const { stores } = deps
  const owners: KeyOwner[] = []
  for await (const owner of openableKeyOwners(stores.keys, stores.recordKey)) owners.push(owner)
  const registries = owners.filter(({ purpose }) => purpose === 'registry')
  const accounts = owners.filter(({ purpose }) => purpose === 'storage-account')
  const notAsked = (cause: string): ResourceReports => ({
    registries: registries.map((owner) => unopened(owner, 'not asked', cause)),
    accounts: accounts.map((owner) => unopened(owner, 'not asked', cause)),
  })
  const endpoints = await endpointsOf(stores)
  if (endpoints === null) return notAsked('secrets/owner.json is missing')
  let done = 0
  const sink = {
    damage: (where: string, problem: string) => deps.damage.add(where, problem),
    opened: (bytes: number) => deps.progress({ step: 'resources', done: (done += bytes) }),
  }
  try {
    return await withDataSide(deps, endpoints, async (sides) => {
      const look: Look = { deps, sides, endpoints, sink }
      return {
        registries: await inTurn(registries, (owner) => reportOn(owner, () => registryContent(look, owner))),
        accounts: await inTurn(accounts, (owner) => reportOn(owner, () => accountContent(look, owner))),
      }
    })
  } catch (error) {
    // Reported already, row by row.
    if (error instanceof SealFault) return notAsked('the keys store is damaged')
    throw error
  }
}

/** What key ids bear, as the server used it last; null when nobody knows. */
async function endpointsOf({ folder }: Stores): Promise<Endpoints | null> {
  return await readOwner(folder.secretFile('owner.json'))
}

interface Sides {
  readonly dataSide: DataSide
  readonly keysSide: KeysSide
}

/** As a start joins them: so the vault decides, and its audit log tells. */
async function withDataSide<T>(
  { stores, leaseMs, remoteVaults, log }: VerifyResourcesDeps,
  endpoints: Endpoints,
  work: (sides: Sides) => Promise<T>,
): Promise<T> {
  const clock = systemClock
  const config = { leaseMs, remoteVaults }
  const monotonic = () => leaseClock.monotonic()
  using keysSide = await openKeysSide({ stores, config, endpoints, clock, monotonic })
  const { vaults } = keysSide
  await using dataSide = await openDataSide({
    stores,
    keysSide,
    vaults,
    endpoints,
    config,
    clock,
    leaseClock,
    log,
  })
  return await work({ dataSide, keysSide })
}

interface Look {
  readonly deps: VerifyResourcesDeps
  readonly sides: Sides
  readonly endpoints: Endpoints
  readonly sink: { damage(where: string, problem: string): void; opened(bytes: number): void }
}

const never = new AbortController().signal

async function registryContent(
  { deps, sides, endpoints, sink }: Look,
  owner: KeyOwner,
): Promise<RegistryVerification> {
  const { stores } = deps
  const { keyring } = sides.dataSide
  const name = nameOf(owner)
  const registry = { ...owner, name, loginServer: loginServerOf(endpoints, name) }
  return await verifyRegistry({ records: stores.data, bytes: stores.bytes, keyring }, registry, sink, never)
}

async function accountContent({ deps, sides, sink }: Look, owner: KeyOwner): Promise<BlobVerification> {
  const { stores } = deps
  const { keyring, storageAccounts } = sides.dataSide
  const account = await storageAccounts.find(nameOf(owner))
  // Its creation or its deletion was cut short: the sweeper takes what there is.
  if (account?.uid !== owner.uid) return { containers: 0, blobs: 0, bytes: 0, underClientKeys: 0 }
  const from = { records: stores.data, bytes: stores.bytes, keyring, accounts: storageAccounts }
  return await verifyBlobs(from, account, sink, never)
}

async function reportOn<T>(owner: KeyOwner, look: () => Promise<T>): Promise<ResourceReport<T>> {
  const { resourceId } = owner
  try {
    return { name: nameOf(owner), resourceId, key: 'open', cause: null, content: await look() }
  } catch (error) {
    if (error instanceof Outage) return unopened(owner, 'no answer', error.message)
    if (!isKeyringFault(error)) throw error
    const { facts } = error
    return unopened(owner, 'refused', 'cause' in facts ? facts.cause : error.code)
  }
}

function unopened(
  owner: KeyOwner,
  key: Exclude<ResourceReport<never>['key'], 'open'>,
  cause: string,
): ResourceReport<never> {
  return { name: nameOf(owner), resourceId: owner.resourceId, key, cause, content: null }
}

async function inTurn<T, R>(items: readonly T[], run: (item: T) => Promise<R>): Promise<readonly R[]> {
  const results: R[] = []
  for (const item of items) results.push(await run(item))
  return results
}

function nameOf({ resourceId }: KeyOwner): string {
  return (resourceId.split('/').at(-1) ?? '').toLowerCase()
}
