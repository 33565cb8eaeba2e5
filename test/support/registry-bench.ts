import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RsaKey } from '../../src/crypto/rsa-key.ts'
import type { Protocol } from '../../src/http/operation.ts'
import { serveProtocol } from '../../src/http/testing.ts'
import {
  type Process,
  VAULT,
  type World,
  newIdentity,
  newResource,
  newWorld,
  start,
  under,
} from '../../src/services/keyring/testing/installation.ts'
import type { RegistryAction, RegistryCaller } from '../../src/services/registry/registry-caller.ts'
import {
  type ContentTimes,
  type RegistryContent,
  openRegistryContent,
} from '../../src/services/registry/registry-content.ts'
import type { RegistryRef } from '../../src/services/registry/registry-ref.ts'
import { type FileByteStore, openFileByteStore } from '../../src/store/bytes/files/file-byte-store.ts'
import { openSqliteRecords } from '../../src/store/records/sqlite/sqlite-records.ts'
import { fail } from '../../src/wire/registry/errors.ts'
import { headers } from '../../src/wire/registry/headers.ts'
import { contentOperations } from '../../src/wire/registry/index.ts'
import type { RegistryNeeds } from '../../src/wire/registry/needs.ts'

export const never = new AbortController().signal

/** Content of registries under a customer's key, on real stores in a folder of its own. */
export interface RegistryBench extends AsyncDisposable {
  readonly world: World
  readonly folder: string
  readonly registry: RegistryRef
  process: Process
  bytes: FileByteStore
  content: RegistryContent
  /** A second registry with a key of its own. */
  addRegistry(): Promise<RegistryRef>
  /** Takes the key away, or gives it back; holds at once. */
  setKeyEnabled(enabled: boolean): void
  /** Ends the process and begins another one on the same files. */
  restart(): Promise<void>
}

export async function openRegistryBench(times: Partial<ContentTimes> = {}): Promise<RegistryBench> {
  const folder = await mkdtemp(join(tmpdir(), 'strongroom-registry-'))
  const world = newWorld(openSqliteRecords, folder)
  world.vault.addVersion(VAULT, 'k1', await RsaKey.generate(2048))
  const identity = newIdentity()

  const begin = async () => {
    const process = await start(world)
    const bytes = await openFileByteStore(join(folder, 'bytes'))
    const clock = { now: () => new Date(world.clock.wall()) }
    const content = openRegistryContent({
      records: process.data,
      bytes,
      keyring: process.keyring,
      clock,
      times,
    })
    return { process, bytes, content }
  }
  const end = async () => {
    await bench.content[Symbol.asyncDispose]()
    await bench.bytes[Symbol.asyncDispose]()
    await bench.process.stop()
  }
  const addRegistry = async (process: Process, name: string): Promise<RegistryRef> => {
    const resource = newResource()
    await process.keyring.create(resource, under(identity), never)
    return {
      uid: resource.uid,
      resourceId: resource.resourceId,
      name,
      loginServer: `${name}.azurecr.localhost`,
    }
  }

  const begun = await begin()
  const bench: RegistryBench = {
    ...begun,
    world,
    folder,
    registry: await addRegistry(begun.process, 'reg1'),
    addRegistry: () => addRegistry(bench.process, 'reg2'),
    setKeyEnabled(enabled) {
      world.vault.setEnabled(VAULT, 'k1', enabled)
      world.vault.push({ kind: 'key', vaultUrl: VAULT, keyName: 'k1' })
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

/** Who may do what, for tests of the wire without the token endpoints. */
export type Permit = (action: RegistryAction, repository: string | null) => boolean

/** The bench's registry over real HTTP; everybody may do what `permit` says. */
export async function serveRegistry(bench: RegistryBench, permit: Permit = () => true) {
  const caller: RegistryCaller = {
    registry: bench.registry,
    principal: null,
    may: async (action, repository) => permit(action, repository),
  }
  const protocol: Protocol<RegistryCaller, RegistryNeeds> = {
    name: 'registry',
    operations: contentOperations(bench.content),
    ignoreCase: false,
    admit: async () => caller,
    fail,
    headers,
  }
  return await serveProtocol(protocol, ['*.azurecr.localhost', '127.0.0.1'])
}
