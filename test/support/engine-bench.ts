import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MacKey } from '../../src/crypto/mac-key.ts'
import { randomGuid } from '../../src/crypto/random.ts'
import { RecordKey } from '../../src/crypto/record-key.ts'
import { type Guid, parseGuid } from '../../src/kernel/guid.ts'
import { OWNER_ROLE } from '../../src/services/access/built-in-roles.ts'
import { openAccess } from '../../src/services/access/open-access.ts'
import { openActivity } from '../../src/services/activity/open-activity.ts'
import { openDeployments } from '../../src/services/deployments/deployments.ts'
import type { Caller } from '../../src/services/directory/caller.ts'
import { openDirectory } from '../../src/services/directory/open-directory.ts'
import type { ProviderCall, ResourceProvider } from '../../src/services/resources/provider.ts'
import { managedIdentityProvider } from '../../src/services/resources/providers/managed-identity.ts'
import { openResources } from '../../src/services/resources/resources.ts'
import { type ResourceStore, openResourceStore } from '../../src/services/resources/store.ts'
import { assignmentRecords } from '../../src/store/records/access/assignments.ts'
import { directoryRecords } from '../../src/store/records/directory/directory-objects.ts'
import { type KeysDb, keysMigrations } from '../../src/store/records/keys-db.ts'
import { openSqliteRecords } from '../../src/store/records/sqlite/sqlite-records.ts'

export const endpoints = { domain: 'localhost', port: 8443 }
export const OWNER = OWNER_ROLE
export const CONTRIBUTOR = known('b24988ac-6180-42a0-ab88-20f7382dd24c')
export const READER = known('acdd72a7-3385-48ef-bd42-f606fba81ae7')

function known(text: string): Guid {
  const guid = parseGuid(text)
  if (guid === null) throw new Error(text)
  return guid
}

export type EngineBench = Awaited<ReturnType<typeof openEngineBench>>

/** What a restart keeps. */
export interface KeptBench {
  readonly folder: string
  readonly keys: { readonly record: RecordKey; readonly audit: MacKey }
  readonly subscriptionId: Guid
  readonly tenantId: Guid
}

/** The resource manager over real records, directory and access, with the managed-identity provider and others given. */
export async function openEngineBench(
  providers: (store: ResourceStore) => readonly ResourceProvider[] = () => [],
  kept?: KeptBench,
) {
  const folder = kept?.folder ?? (await mkdtemp(join(tmpdir(), 'engine-')))
  const keys = kept?.keys ?? { record: RecordKey.generate(), audit: MacKey.generate() }
  const bench = { now: new Date('2026-06-01T12:00:00.250Z') }
  const clock = { now: () => bench.now }
  const records = await openSqliteRecords<KeysDb>({
    file: join(folder, 'keys.db'),
    migrations: keysMigrations,
    durability: 'relaxed',
  })
  const directory = await openDirectory({
    records: directoryRecords(records, keys.record),
    clock,
    endpoints,
  })
  const access = await openAccess({
    records: assignmentRecords(records, keys.record),
    principals: directory,
    clock,
  })
  const activity = openActivity({ records, recordKey: keys.record, auditKey: keys.audit, access, clock })
  const store = openResourceStore({ records, recordKey: keys.record })
  const bugs: unknown[] = []
  const resources = await openResources({
    store,
    providers: [managedIdentityProvider({ directory, endpoints }), ...providers(store)],
    access,
    directory,
    activity: activity.log,
    clock,
    bug: (error) => bugs.push(error),
  })
  const deployments = await openDeployments({
    records,
    recordKey: keys.record,
    resources,
    access,
    clock,
    bug: (error) => bugs.push(error),
  })
  const tenantId = kept?.tenantId ?? (await directory.createTenant({ displayName: 'Contoso' })).tenantId
  const subscriptionId = kept?.subscriptionId ?? randomGuid()
  await resources.createSubscription({ subscriptionId, tenantId, displayName: 'Main' })

  /** A new principal with that role; no role when null. */
  const signIn = async (roleId: Guid | null, scope = `/subscriptions/${subscriptionId}`) => {
    const name = `app-${randomGuid()}`
    const { principal, application, secret } = await directory.createAdministrator({
      tenantId,
      displayName: name,
      endsAt: new Date('2030-01-01T00:00:00Z'),
    })
    if (roleId !== null) await access.grant({ scope, roleId, principalId: principal.principalId })
    const caller: Caller = {
      tenantId,
      principalId: principal.principalId,
      appId: application.appId,
      kind: 'application',
      issuer: `https://sts.windows.net/${tenantId}/`,
      identityResourceId: null,
      trustedForResource: null,
      expiresAt: new Date('2030-01-01T00:00:00Z'),
    }
    return { caller, clientId: application.appId, secret }
  }
  const call = (caller: Caller, apiVersion = '2024-01-01'): ProviderCall => ({
    caller,
    apiVersion,
    correlationId: randomGuid(),
    remoteAddress: '127.0.0.1',
    ifMatch: null,
    signal: new AbortController().signal,
  })
  return {
    folder,
    keys,
    clock,
    bench,
    records,
    directory,
    access,
    activity,
    store,
    resources,
    deployments,
    tenantId,
    subscriptionId,
    bugs,
    signIn,
    call,
    /** Ends everything but the data. */
    async stop() {
      await deployments[Symbol.asyncDispose]()
      await resources[Symbol.asyncDispose]()
      await records.close()
    },
    async [Symbol.asyncDispose]() {
      await deployments[Symbol.asyncDispose]()
      await resources[Symbol.asyncDispose]()
      await records.close()
      await rm(folder, { recursive: true })
    },
  }
}
