import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { RsaKey } from '../../crypto/rsa-key.ts'
import { openSqliteRecords } from '../../store/records/sqlite/sqlite-records.ts'
import type { WrappingTable } from '../../store/records/wrappings/tables.ts'
import type { ProtectedResource, Protection } from './keyring.ts'
import {
  LEASE_MS,
  never,
  newIdentity,
  newResource,
  newWorld,
  type Process,
  start,
  under,
  VAULT,
  type World,
} from './testing/installation.ts'

/** Who can write the data records, and none of the keys store, gets refusals only. */
let rsa: readonly RsaKey[]
let folder: string
let world: World
let process: Process
const identity = newIdentity()
const SERVICE: Protection = { source: 'service' }

beforeAll(async () => {
  rsa = await Promise.all([RsaKey.generate(2048), RsaKey.generate(2048)])
})
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyring-'))
  world = newWorld(openSqliteRecords, folder)
  for (const one of rsa.slice(0, 1)) world.vault.addVersion(VAULT, 'k1', one)
  process = await start(world)
})
afterEach(async () => {
  await process.stop()
  await rm(folder, { recursive: true })
})

async function created(protection: Protection = under(identity)): Promise<ProtectedResource> {
  const resource = newResource()
  await process.keyring.create(resource, protection, never)
  return resource
}
const rowOf = ({ uid }: ProtectedResource) =>
  process.data.read
    .selectFrom('wrapping')
    .selectAll()
    .where('resource_uid', '=', uid)
    .executeTakeFirstOrThrow()
const edit = ({ uid }: ProtectedResource, set: Partial<WrappingTable>) =>
  process.data.write((transaction) =>
    transaction.updateTable('wrapping').set(set).where('resource_uid', '=', uid).execute(),
  )
const expectRefused = async (resource: ProtectedResource, reason?: string) => {
  const refusal = {
    code: 'wrapping-refused',
    facts: expect.objectContaining({ resourceId: resource.resourceId }) as object,
  }
  await expect(process.keyring.open(resource, never)).rejects.toMatchObject(refusal)
  await expect(process.keyring.state(resource)).rejects.toMatchObject(refusal)
  await expect(process.keyring.change(resource, SERVICE, never)).rejects.toMatchObject(refusal)
  if (reason !== undefined) {
    await expect(process.keyring.state(resource)).rejects.toMatchObject({
      facts: { reason: expect.stringContaining(reason) as string },
    })
  }
}

/** The data records with their log, as a backup or a thief would take them. */
async function copyData(from: string, to: string) {
  for (const end of ['', '-wal', '-shm']) {
    await rm(`${to}/data.db${end}`, { force: true })
    await cp(`${from}/data.db${end}`, `${to}/data.db${end}`).catch(() => undefined)
  }
}

it.each([under(identity), SERVICE])(
  "refuses another resource's wrapping in place of its own: $source",
  async (protection) => {
    const [mine, theirs] = [await created(protection), await created(protection)]
    const { resource_uid: _, ...foreign } = await rowOf(theirs)
    await edit(mine, foreign)
    await expectRefused(mine)
    await process.keyring.open(theirs, never)
  },
)

it.each(['settings', 'root_key', 'record_key', 'index_key', 'mac'] as const)(
  'refuses a wrapping whose %s was altered',
  async (column) => {
    const resource = await created()
    const altered = Buffer.from((await rowOf(resource))[column])
    altered[altered.length - 1]! ^= 1
    await edit(resource, { [column]: altered })
    await expectRefused(resource)
    expect(world.vault.count('unwrap')).toBe(1)
  },
)

it.each(['settings', 'root_key', 'record_key', 'index_key'] as const)(
  "refuses another resource's %s",
  async (column) => {
    const [mine, theirs] = [await created(), await created()]
    await edit(mine, { [column]: (await rowOf(theirs))[column] })
    await expectRefused(mine)
  },
)

it('refuses a wrapping for another purpose', async () => {
  const resource = await created()
  await expectRefused({ ...resource, purpose: 'blob-account' })
})

it('refuses a wrapping given the number of another', async () => {
  const resource = await created()
  await process.keyring.change(resource, SERVICE, never)
  await edit(resource, { generation: 1 })
  await expectRefused(resource, 'older')
  await edit(resource, { generation: 3 })
  await expectRefused(resource, 'newer')
})

it('refuses the data records of before a change of key, and takes those of after it again', async () => {
  const resource = await created()
  await process.stop()
  await copyData(folder, `${folder}/old`)
  process = await start(world)
  await process.keyring.change(resource, SERVICE, never)
  await process.stop()
  await copyData(folder, `${folder}/new`)
  await copyData(`${folder}/old`, folder)
  process = await start(world)
  await expectRefused(resource, 'older')
  await process.stop()
  await copyData(`${folder}/new`, folder)
  process = await start(world)
  await process.keyring.open(resource, never)
})

it('refuses a single older wrapping put back among newer records', async () => {
  const resource = await created()
  const old = await rowOf(resource)
  world.vault.addVersion(VAULT, 'k1', rsa[1]!)
  await process.keyring.change(resource, under(identity), never)
  await process.data.write(async (transaction) => {
    await transaction.deleteFrom('wrapping').where('resource_uid', '=', resource.uid).execute()
    await transaction.insertInto('wrapping').values(old).execute()
  })
  await expectRefused(resource, 'older')
})

it('refuses a wrapping that is missing, and a resource that the keys store does not know', async () => {
  const resource = await created()
  await process.data.write((transaction) => transaction.deleteFrom('wrapping').execute())
  await expectRefused(resource, 'missing')
  await expectRefused(newResource())
})

it('refuses a wrapping whose keys were altered in the keys store', async () => {
  const resource = await created()
  await process.keys.write((transaction) =>
    transaction
      .updateTable('key_secrets')
      .set({ mac_key: Buffer.alloc(65) })
      .execute(),
  )
  await expectRefused(resource, 'damaged')
})

it('ends a live lease when its next renewal finds the wrapping altered', async () => {
  const resource = await created()
  const lease = await process.keyring.open(resource, never)
  await edit(resource, { mac: Buffer.alloc(32) })
  world.clock.advance(LEASE_MS / 2)
  expect(lease.check()).toBeUndefined()
  await new Promise((resolve) => setTimeout(resolve, 30))
  await expect(lease.check()).rejects.toMatchObject({ code: 'wrapping-refused' })
})

it("does not let the vault's answer stand in for another root key", async () => {
  const [mine, theirs] = [await created(), await created()]
  const { root_key: wrapped } = await rowOf(theirs)
  await process.stop()
  // A vault, or a man in its place, that unwraps what it likes.
  process = await start(world, (deps) => ({
    ...deps,
    keyHolder: {
      describe: deps.keyHolder.describe.bind(deps.keyHolder),
      wrap: deps.keyHolder.wrap.bind(deps.keyHolder),
      watch: deps.keyHolder.watch.bind(deps.keyHolder),
      unwrap: (key, _mine, token, signal) => deps.keyHolder.unwrap(key, wrapped, token, signal),
    },
  }))
  await expect(process.keyring.open(mine, never)).rejects.toMatchObject({ code: 'wrapping-refused' })
})
