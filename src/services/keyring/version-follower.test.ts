import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { RsaKey } from '../../crypto/rsa-key.ts'
import { openSqliteRecords } from '../../store/records/sqlite/sqlite-records.ts'
import type { KeyChange } from './ports.ts'
import {
  LEASE_MS,
  never,
  newIdentity,
  newResource,
  newWorld,
  type Process,
  start,
  under,
  until,
  VAULT,
  type World,
} from './testing/installation.ts'
import { refusal } from './testing/scripted-vault.ts'

let rsa: readonly RsaKey[]
let folder: string
let world: World
let process: Process
let v1: string
const identity = newIdentity()
const resource = newResource()
const created: KeyChange = { kind: 'key-version-created', vaultUrl: VAULT, keyName: 'k1' }

beforeAll(async () => {
  rsa = await Promise.all([RsaKey.generate(2048), RsaKey.generate(2048), RsaKey.generate(2048)])
})
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyring-'))
  world = newWorld(openSqliteRecords, folder)
  v1 = world.vault.addVersion(VAULT, 'k1', rsa[0]!)
  process = await start(world)
  await process.keyring.create(resource, under(identity), never)
})
afterEach(async () => {
  await process.stop()
  await rm(folder, { recursive: true })
})

const state = () => process.keyring.state(resource)
const isAt = (version: string) => async () => (await state()).versionedKeyId === `${VAULT}/keys/k1/${version}`
const settle = () => new Promise((resolve) => setTimeout(resolve, 50))

it('a push of a new version moves a resource that follows the key, in use or not; the old one can be disabled then', async () => {
  await process.stop()
  process = await start(world)
  const v2 = world.vault.addVersion(VAULT, 'k1', rsa[1]!)
  world.vault.push(created)
  await until(isAt(v2))
  world.vault.setEnabled(VAULT, 'k1', false, v1)
  await process.keyring.open(resource, never)
  await until(() => process.activity.length > 0)
  expect(process.activity).toMatchObject([
    {
      operation: 'Microsoft.ContainerRegistry/registries/encryption/rotate/action',
      properties: { cause: 'new-key-version' },
    },
  ])
})

it('a push of a new version disturbs no lease', async () => {
  const lease = await process.keyring.open(resource, never)
  const v2 = world.vault.addVersion(VAULT, 'k1', rsa[1]!)
  world.vault.push(created)
  expect(lease.check()).toBeUndefined()
  await until(isAt(v2))
  expect(lease.check()).toBeUndefined()
})

it('a push moves every resource that follows the key, once each, and no other', async () => {
  const followers = Array.from({ length: 120 }, newResource)
  for (const one of followers) await process.keyring.create(one, under(identity), never)
  const pinned = newResource()
  await process.keyring.create(pinned, under(identity, v1), never)
  world.vault.calls.length = 0
  const v2 = world.vault.addVersion(VAULT, 'k1', rsa[1]!)
  world.vault.push({ ...created, keyName: 'K1' })
  for (const one of followers) {
    await until(async () => (await process.keyring.state(one)).versionedKeyId?.endsWith(v2) === true)
  }
  await until(isAt(v2))
  expect(world.vault.count('wrap')).toBe(followers.length + 1)
  expect((await process.keyring.state(pinned)).versionedKeyId).toContain(v1)
})

it('without a push the next renewal moves it, with one description a renewal', async () => {
  await process.keyring.open(resource, never)
  await settle()
  world.vault.calls.length = 0
  const v2 = world.vault.addVersion(VAULT, 'k1', rsa[1]!)
  world.clock.advance(LEASE_MS)
  await process.keyring.open(resource, never)
  await until(isAt(v2))
  await settle()
  expect(world.vault.calls.map(({ operation }) => operation)).toEqual([
    'unwrap',
    'describe',
    'unwrap',
    'wrap',
    'unwrap',
  ])
})

it('a push while a look for versions is under way is not lost', async () => {
  let release: (() => void) | undefined
  world.vault.before = async (operation) => {
    if (operation !== 'wrap' || release !== undefined) return
    await new Promise<void>((resolve) => (release = resolve))
  }
  world.vault.addVersion(VAULT, 'k1', rsa[1]!)
  world.vault.push(created)
  await until(() => release !== undefined)
  const v3 = world.vault.addVersion(VAULT, 'k1', rsa[2]!)
  world.vault.push(created)
  await settle()
  release?.()
  await until(isAt(v3))
})

it('a version that cannot be taken up is shown and told of once, and the lease goes on under the old one', async () => {
  const lease = await process.keyring.open(resource, never)
  await settle()
  process.activity.length = 0
  world.vault.addVersion(VAULT, 'k1', rsa[1]!)
  world.vault.before = (operation, key) => {
    if (operation === 'wrap') throw refusal('permission-missing', key)
  }
  for (let i = 0; i < 4; i++) {
    world.clock.advance(LEASE_MS / 2)
    expect(lease.check()).toBeUndefined()
    await settle()
  }
  expect(process.activity).toMatchObject([
    { status: 'Failed', properties: { trigger: 'new-key-version', cause: 'permission-missing' } },
  ])
  expect(await state()).toMatchObject({
    versionedKeyId: `${VAULT}/keys/k1/${v1}`,
    refusal: null,
    rotationFailure: { message: 'refused: permission-missing' },
  })
  world.vault.before = () => undefined
  world.vault.push(created)
  await until(async () => !(await isAt(v1)()) && (await state()).rotationFailure === undefined)
})

it('a newest version that cannot protect is left alone', async () => {
  world.vault.addVersion(VAULT, 'k1', rsa[1]!)
  world.vault.described = { keyType: 'EC', bits: 256 }
  world.vault.push(created)
  await until(async () => (await state()).rotationFailure !== undefined)
  expect(await state()).toMatchObject({
    versionedKeyId: `${VAULT}/keys/k1/${v1}`,
    rotationFailure: { message: 'the newest version lacks: key-type' },
  })
})
