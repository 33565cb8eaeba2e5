import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { CustomerProvidedKey } from '../../src/crypto/customer-provided-key.ts'
import { sha256 } from '../../src/crypto/digest.ts'
import { randomHex } from '../../src/crypto/random.ts'
import { MacKey } from '../../src/crypto/mac-key.ts'
import { serveProtocol } from '../../src/http/testing.ts'
import { collect } from '../../src/kernel/bytes.ts'
import { parseGuid } from '../../src/kernel/guid.ts'
import { type BlobService, openBlobService } from '../../src/services/blob/blob-service.ts'
import { noConditions } from '../../src/services/blob/conditions.ts'
import type { ForeignSources } from '../../src/services/blob/copy-source.ts'
import { noEncryption } from '../../src/services/blob/encryption.ts'
import { BlobFault } from '../../src/services/blob/faults.ts'
import type { BlobPath } from '../../src/services/blob/model.ts'
import type { PutBlob } from '../../src/services/blob/put-blob.ts'
import {
  type Process,
  VAULT,
  type World,
  newIdentity,
  newWorld,
  start,
  under,
} from '../../src/services/keyring/testing/installation.ts'
import {
  type EncryptionScope,
  type StorageAccount,
  protectedAccount,
  protectedScope,
} from '../../src/services/storage/storage-account.ts'
import { delegationKeys } from '../../src/services/storage/delegation-keys.ts'
import { StorageAuthFault } from '../../src/services/storage/auth-faults.ts'
import { standardBlobService } from '../../src/services/storage/blob-service-settings.ts'
import { assertPermitted } from '../../src/services/storage/authorize.ts'
import type { StorageCaller, StoragePermission } from '../../src/services/storage/storage-caller.ts'
import { type FileByteStore, openFileByteStore } from '../../src/store/bytes/files/file-byte-store.ts'
import { openSqliteRecords } from '../../src/store/records/sqlite/sqlite-records.ts'
import type { BlobAuthDeps } from '../../src/wire/blob/auth.ts'
import { blobProtocol } from '../../src/wire/blob/index.ts'
import { websiteProtocol } from '../../src/wire/blob/website.ts'
import { benchKey } from './bench-key.ts'
import { bodyOf } from './body.ts'

export const never = new AbortController().signal

/** Blobs of an account under a customer's key, on real stores in a folder of its own. */
export interface BlobBench extends AsyncDisposable {
  readonly world: World
  readonly folder: string
  /** To be replaced where a test wants other settings. */
  account: StorageAccount
  /** Further ones that the server knows. */
  readonly others: StorageAccount[]
  /** What failed in the background, unforeseen. */
  readonly bugs: unknown[]
  process: Process
  bytes: FileByteStore
  blobs: BlobService
  /** What copies read from elsewhere. To be replaced. */
  foreign: ForeignSources
  /** A scope with a root key of its own, under the same customer's key. */
  addScope(name: string, settings?: Partial<EncryptionScope>): Promise<EncryptionScope>
  /** A second account with a root key of its own, under that key of the vault: the same one, if it is not named. */
  addAccount(name: string, keyName?: string): Promise<StorageAccount>
  /** Takes the key away, or gives it back; holds at once. */
  setKeyEnabled(enabled: boolean, keyName?: string): void
  /** Ends the process and begins another one on the same files. */
  restart(): Promise<void>
}

export async function openBlobBench(): Promise<BlobBench> {
  const folder = await mkdtemp(join(tmpdir(), 'strongroom-blob-'))
  const world = newWorld(openSqliteRecords, folder)
  world.vault.addVersion(VAULT, 'k1', await benchKey())
  const identity = newIdentity()
  const scopes = new Map<string, EncryptionScope>()

  const begin = async () => {
    const process = await start(world)
    const bytes = await openFileByteStore(join(folder, 'bytes'))
    const clock = { now: () => new Date(world.clock.wall()) }
    const blobs = openBlobService({
      records: process.data,
      bytes,
      keyring: process.keyring,
      accounts: {
        findScope: async (_account, name) => scopes.get(name) ?? null,
        findScopeByUid: async (_account, uid) =>
          [...scopes.values()].find((scope) => scope.uid === uid) ?? null,
        changeBlobService: async (_account, change) => {
          bench.account = { ...bench.account, blobService: change(bench.account.blobService) }
        },
      },
      clock,
      foreign: { open: (...asked) => bench.foreign.open(...asked) },
      listAccounts: async () => [bench.account, ...bench.others],
      bug: (error) => bench.bugs.push(error),
    })
    return { process, bytes, blobs }
  }
  const end = async () => {
    await bench.blobs[Symbol.asyncDispose]()
    await bench.bytes[Symbol.asyncDispose]()
    await bench.process.stop()
  }
  const addAccount = async (process: Process, name: string, keyName = 'k1') => {
    const account = newAccount(name)
    await process.keyring.create(protectedAccount(account), under(identity, null, keyName), never)
    return account
  }

  const begun = await begin()
  const bench: BlobBench = {
    ...begun,
    world,
    folder,
    others: [],
    bugs: [],
    foreign: {
      open: () => Promise.reject(new BlobFault('copy-source-unreachable', { reason: 'nothing is there' })),
    },
    account: await addAccount(begun.process, 'account1'),
    addAccount: (name, keyName) => addAccount(bench.process, name, keyName),
    async addScope(name, settings = {}) {
      const uid = randomHex(16)
      const scope = {
        uid,
        resourceId: `${bench.account.resourceId}/encryptionScopes/${name}`,
        name,
        isEnabled: true,
        requiresInfrastructureEncryption: false,
        ...settings,
      }
      if (!scopes.has(name)) await bench.process.keyring.create(protectedScope(scope), under(identity), never)
      scopes.set(name, scope)
      return scope
    },
    setKeyEnabled(enabled, keyName = 'k1') {
      world.vault.setEnabled(VAULT, keyName, enabled)
      world.vault.push({ kind: 'key', vaultUrl: VAULT, keyName })
    },
    async restart() {
      await end()
      Object.assign(bench, await begin())
    },
    async [Symbol.asyncDispose]() {
      await end()
      await rm(folder, { recursive: true, force: true })
    },
  }
  return bench
}

export function newAccount(name: string): StorageAccount {
  const guid = parseGuid('0d4c6c2e-4f2c-4d5e-9a3b-1f2e3d4c5b6a')
  if (guid === null) throw new Error('no GUID')
  return {
    uid: randomHex(16),
    resourceId: `/subscriptions/${guid}/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/${name}`,
    subscriptionId: guid,
    tenantId: guid,
    name,
    kind: 'StorageV2',
    sku: 'Standard_LRS',
    accessTier: 'Hot',
    createdAt: new Date(),
    isHttpsOnly: false,
    minimumTlsVersion: 'TLS1_2',
    allowsSharedKey: true,
    allowsBlobPublicAccess: true,
    requiresInfrastructureEncryption: false,
    network: { isPublic: true, defaultAction: 'Allow', ipRules: [] },
    keys: [],
    delegationEpoch: '',
    blobService: standardBlobService,
  }
}

/** Who may do what, for tests of the wire without credentials. */
export type Permit = (permission: StoragePermission) => boolean

/** The bench's account over real HTTP; everybody may do what `permit` says. */
export async function serveBlobs(bench: BlobBench, permit: Permit = () => true) {
  const protocol = blobProtocol({
    blobs: bench.blobs,
    delegationKeys: delegationKeys(MacKey.generate()),
    clock: { now: () => new Date(bench.world.clock.wall()) },
    endpoints: { domain: 'localhost', port: 8443 },
    endpointOf: (head) => `https://${head.authority}/`,
    auth: openDoor(bench, permit),
  })
  return await serveProtocol(protocol, ['*.blob.core.localhost', 'address'])
}

/** The website of the bench's account, on `account1.web.core.localhost`. */
export async function serveWebsite(bench: BlobBench) {
  const endpoints = { domain: 'localhost', port: 8443 }
  const protocol = websiteProtocol({
    blobs: bench.blobs,
    endpoints,
    auth: openDoor(bench, () => false),
  })
  return await serveProtocol(protocol, '*.web.core.localhost')
}

function openDoor(bench: BlobBench, permit: Permit): BlobAuthDeps {
  return {
    accounts: { find: async (name) => (name === bench.account.name ? bench.account : null) },
    admission: { admit: async () => callerOf(bench.account, permit), assertPermitted },
  }
}

function callerOf(account: StorageAccount, permits: Permit): StorageCaller {
  return {
    account,
    kind: 'shared-key',
    principal: null,
    responseHeaders: {},
    encryptionScope: null,
    permits,
    refusal: () => new StorageAuthFault('permission-mismatch', {}),
  }
}

export function pathOf({ account }: BlobBench, blob: string, container = 'c1'): BlobPath {
  return { account, container, blob, moment: null }
}

export async function makeContainer({ blobs, account }: BlobBench, container = 'c1'): Promise<void> {
  await blobs.createContainer(
    { account, container },
    { metadata: {}, publicAccess: 'none', defaultScope: null, deniesScopeOverride: false },
  )
}

/** What every write of a whole blob may ask for: nothing of it. */
export const plainBlob = {
  metadata: {},
  tags: null,
  tier: null,
  encryption: noEncryption,
  conditions: noConditions,
  leaseId: null,
  mayOverwrite: true,
}

export async function put(bench: BlobBench, blob: string, bytes: Uint8Array, change: Partial<PutBlob> = {}) {
  const command: PutBlob = {
    ...plainBlob,
    headers: {},
    checksum: { md5: null, crc64: null },
    ...change,
  }
  return await bench.blobs.putBlob({ at: pathOf(bench, blob), command }, bodyOf(bytes), never)
}

/** A key of the client's own: 32 times that byte. */
export function customerKeyOf(fill: number): CustomerProvidedKey {
  const raw = Buffer.alloc(32, fill)
  const parsed = CustomerProvidedKey.parse(raw.toString('base64'), sha256(raw).toString('base64'))
  if (parsed === null) throw new Error('no key')
  return parsed
}

export const reading = { conditions: noConditions, leaseId: null, customerKey: null }

export async function get(bench: BlobBench, blob: string, moment: string | null = null): Promise<Buffer> {
  const found = await bench.blobs.getBlob({ ...pathOf(bench, blob), moment }, reading, never)
  return await collect(found.read({ start: 0, end: found.view.doc.length }, never))
}
