import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type DigestAlgorithm, startDigest } from '../../src/crypto/digest.ts'
import type { Protocol } from '../../src/http/operation.ts'
import { serveProtocol } from '../../src/http/testing.ts'
import { collect } from '../../src/kernel/bytes.ts'
import type { JsonObject } from '../../src/kernel/json.ts'
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
import type { Chunk } from '../../src/services/registry/append-upload.ts'
import { type Digest, digestOf } from '../../src/services/registry/digest.ts'
import { OCI_MANIFEST } from '../../src/services/registry/manifest-document.ts'
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
import { benchKey } from './bench-key.ts'
import { bodyOf } from './body.ts'

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
  world.vault.addVersion(VAULT, 'k1', await benchKey())
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

/** A chunk without Content-Range, as most clients send it. */
export function chunkOf(bytes: Uint8Array): Chunk {
  return { body: bodyOf(bytes), length: bytes.length, range: null }
}

export function sha(bytes: Uint8Array, algorithm: DigestAlgorithm = 'sha256'): Digest {
  const running = startDigest(algorithm)
  running.update(bytes)
  return digestOf(algorithm, running.digestHex())
}

export async function pushBlob(
  bench: RegistryBench,
  name: string,
  bytes: Uint8Array,
  registry = bench.registry,
): Promise<Digest> {
  const digest = sha(bytes)
  await bench.content.putBlob({ registry, name, digest }, chunkOf(bytes), never)
  return digest
}

export async function pullBlob(bench: RegistryBench, name: string, digest: Digest): Promise<Buffer> {
  const blob = await bench.content.getBlob({ registry: bench.registry, name, digest }, never)
  return await collect(blob.read({ start: 0, end: blob.size }, never))
}

export interface TestImage {
  readonly body: Buffer
  readonly digest: Digest
  readonly config: Buffer
  readonly layers: readonly Buffer[]
}

/** An image of OCI's kind over these layers; `extra` goes into its manifest. */
export function imageOf(layers: readonly Buffer[], extra: JsonObject = {}): TestImage {
  const config = Buffer.from(JSON.stringify({ architecture: 'arm64', os: 'linux', layers: layers.length }))
  const describe = (mediaType: string, bytes: Buffer) => ({
    mediaType,
    digest: sha(bytes),
    size: bytes.length,
  })
  const manifest = {
    schemaVersion: 2,
    mediaType: OCI_MANIFEST,
    config: describe('application/vnd.oci.image.config.v1+json', config),
    layers: layers.map((layer) => describe('application/vnd.oci.image.layer.v1.tar', layer)),
    ...extra,
  }
  const body = Buffer.from(JSON.stringify(manifest))
  return { body, digest: sha(body), config, layers }
}

/** Config, layers, manifest, tags: in that order, as clients push. */
export async function pushImage(
  bench: RegistryBench,
  name: string,
  image: TestImage,
  tags: readonly string[] = [],
): Promise<Digest> {
  for (const blob of [image.config, ...image.layers]) await pushBlob(bench, name, blob, bench.registry)
  return await pushManifest(bench, name, image, tags)
}

export async function pushManifest(
  { content, registry }: RegistryBench,
  name: string,
  { body }: Pick<TestImage, 'body'>,
  tags: readonly string[] = [],
): Promise<Digest> {
  const command = { registry, name, digest: null, tags, contentType: null, body }
  const { digest } = await content.putManifest(command, never)
  return digest
}

/** How many extents lie in the byte store. */
export async function extentsIn({ bytes }: RegistryBench): Promise<number> {
  let count = 0
  for await (const _ of bytes.list()) count++
  return count
}
