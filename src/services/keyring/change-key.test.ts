import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { RsaKey } from '../../crypto/rsa-key.ts'
import { asBuffer } from '../../kernel/bytes.ts'
import { Outage } from '../../kernel/fault.ts'
import { openSqliteRecords } from '../../store/records/sqlite/sqlite-records.ts'
import type { Protection } from './keyring.ts'
import type { Operation } from './testing/scripted-vault.ts'
import {
  LEASE_MS,
  never,
  newIdentity,
  newResource,
  newWorld,
  OTHER_VAULT,
  type Process,
  start,
  under,
  until,
  VAULT,
  type World,
} from './testing/installation.ts'
import { outage, refusal } from './testing/scripted-vault.ts'

const SERVICE: Protection = { source: 'service' }
let rsa: readonly RsaKey[]
let folder: string
let world: World
let process: Process
let v1: string
const identity = newIdentity()
const other = newIdentity()
const key = (n: number) => rsa[n]!

beforeAll(async () => {
  rsa = await Promise.all([RsaKey.generate(2048), RsaKey.generate(3072), RsaKey.generate(2048)])
})
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyring-'))
  world = newWorld(openSqliteRecords, folder)
  v1 = world.vault.addVersion(VAULT, 'k1', key(0))
  process = await start(world)
})
afterEach(async () => {
  await process.stop()
  await rm(folder, { recursive: true })
})

/** A resource with a record sealed under its root key; `reads()` tells whether it still opens. */
async function resourceUnder(protection: Protection) {
  const resource = newResource()
  await process.keyring.create(resource, protection, never)
  const sealed = (await process.keyring.open(resource, never)).sealRecord('note', Buffer.from('plain'))
  // The look for a newer version that follows each renewal.
  await new Promise((resolve) => setTimeout(resolve, 10))
  const reads = async () =>
    (await process.keyring.open(resource, never)).openRecord('note', sealed).toString() === 'plain'
  world.vault.calls.length = 0
  return { resource, reads, change: (to: Protection) => process.keyring.change(resource, to, never) }
}
const asked = () => world.vault.calls.map(({ operation }) => operation)
/** Nothing in memory: the next use has to ask. */
const idle = () => world.clock.advance(LEASE_MS * 2)
const bytesOf = async (file: string) => {
  const parts = await Promise.all(
    ['', '-wal'].map((end) => readFile(`${folder}/${file}${end}`).catch(() => Buffer.alloc(0))),
  )
  return Buffer.concat(parts)
}
const refuseWhere = (isRefused: (operation: Operation, name: string, principalId: string) => boolean) => {
  world.vault.before = (operation, asked, principalId) => {
    if (isRefused(operation, `${asked.name}/${asked.version ?? ''}`, principalId))
      throw refusal('permission-missing', asked)
  }
}

describe('create()', () => {
  it('under service protection asks no vault, ever', async () => {
    const { resource, reads } = await resourceUnder(SERVICE)
    idle()
    expect(await reads()).toBe(true)
    expect(await process.keyring.state(resource)).toMatchObject({ protection: SERVICE, versionedKeyId: null })
    expect(world.vault.calls).toEqual([])
  })

  it("under a customer's key describes it, wraps once, and proves it by one unwrap", async () => {
    const state = await process.keyring.create(newResource(), under(identity), never)
    expect(asked()).toEqual(['describe', 'wrap', 'unwrap'])
    expect(state).toMatchObject({
      protection: under(identity),
      versionedKeyId: `${VAULT}/keys/k1/${v1}`,
      refusal: null,
    })
    expect(state.wrappingFingerprint).toMatch(/^[0-9a-f]{64}$/)
    expect(process.activity).toMatchObject([
      {
        operation: 'Microsoft.ContainerRegistry/registries/encryption/wrap/action',
        properties: { identity },
      },
    ])
  })

  it('can be repeated: the root key stays, and nothing is wrapped again', async () => {
    const { resource, reads } = await resourceUnder(under(identity))
    const before = await process.keyring.state(resource)
    expect(await process.keyring.create(resource, under(identity), never)).toEqual(before)
    expect(world.vault.count('wrap')).toBe(0)
    expect(await reads()).toBe(true)
  })

  it.each(['describe', 'wrap', 'unwrap'] as const)(
    'needs %s, and leaves nothing behind without it',
    async (missing) => {
      const resource = newResource()
      refuseWhere((operation) => operation === missing)
      await expect(process.keyring.create(resource, under(identity), never)).rejects.toMatchObject({
        code: 'key-refused',
        facts: { cause: 'permission-missing', identity: identity.clientId },
      })
      expect(await process.keys.read.selectFrom('key_secrets').selectAll().execute()).toEqual([])
      expect(await process.data.read.selectFrom('wrapping').selectAll().execute()).toEqual([])
      world.vault.before = () => undefined
      await process.keyring.create(resource, under(identity), never)
    },
  )

  it('of two resources makes two root keys', async () => {
    const [a, b] = [await resourceUnder(SERVICE), await resourceUnder(SERVICE)]
    const leases = await Promise.all([a, b].map(({ resource }) => process.keyring.open(resource, never)))
    expect(leases[0]?.rootKeyId).not.toBe(leases[1]?.rootKeyId)
    expect(leases[0]?.indexOf('tag', 'v')).not.toEqual(leases[1]?.indexOf('tag', 'v'))
  })
})

describe('a key', () => {
  it.each([
    [{ keyType: 'EC', bits: 256 }, ['key-type']],
    [{ keyType: 'oct-HSM', bits: 256 }, ['key-type']],
    [{ bits: 1024 }, ['key-size']],
    [{ bits: 8192 }, ['key-size']],
    [{ enabled: false }, ['enabled']],
    [{ keyOperations: ['encrypt', 'decrypt'] }, ['wrapKey', 'unwrapKey']],
    [{ recoveryLevel: 'Recoverable+Purgeable' }, ['purge-protection']],
    [{ recoveryLevel: 'CustomizedRecoverable+Purgeable' }, ['purge-protection']],
    [{ recoveryLevel: 'Purgeable' }, ['soft-delete', 'purge-protection']],
    [{ recoveryLevel: '' }, ['soft-delete', 'purge-protection']],
  ])('that is %j cannot protect a resource, and is not wrapped under', async (described, missing) => {
    const { reads, change } = await resourceUnder(SERVICE)
    world.vault.described = described
    await expect(change(under(identity))).rejects.toMatchObject({ code: 'key-unfit', facts: { missing } })
    expect(world.vault.count('wrap')).toBe(0)
    expect(await reads()).toBe(true)
  })

  it.each([
    { keyType: 'RSA-HSM', bits: 3072 },
    { bits: 4096 },
    { recoveryLevel: 'CustomizedRecoverable' },
    { recoveryLevel: 'Recoverable+ProtectedSubscription' },
  ])('that is %j can', async (described) => {
    world.vault.described = described
    await (await resourceUnder(SERVICE)).change(under(identity))
  })

  it.each([
    `https://kv1.vault.evil.example/keys/k1/${'0'.repeat(32)}`,
    `${OTHER_VAULT}/keys/k1/${'0'.repeat(32)}`,
    `${VAULT}/keys/k2/${'0'.repeat(32)}`,
    `${VAULT}/keys/k1`,
  ])(
    'that the vault calls %s is not the one it was asked for: no answer, and nothing is wrapped',
    async (kid) => {
      const { change } = await resourceUnder(SERVICE)
      world.vault.described = { kid }
      await expect(change(under(identity))).rejects.toBeInstanceOf(Outage)
      expect(world.vault.count('wrap')).toBe(0)
    },
  )

  it('in a vault that is not configured is not asked for, and no token leaves', async () => {
    const { change } = await resourceUnder(SERVICE)
    await expect(change(under(identity, null, 'k1', 'https://kv1.vault.evil.example'))).rejects.toMatchObject(
      {
        code: 'key-refused',
        facts: { cause: 'vault-not-found' },
      },
    )
    expect(world.vault.tokens).toEqual([])
    expect(world.vault.calls).toEqual([])
  })
})

describe('change()', () => {
  it('does nothing, and asks nothing, when what is wanted holds already', async () => {
    const { resource, change } = await resourceUnder(under(identity, v1))
    const before = await process.keyring.state(resource)
    expect(await change(under(identity, v1))).toEqual(before)
    expect(world.vault.calls).toEqual([])
    const service = await resourceUnder(SERVICE)
    await service.change(SERVICE)
    expect(world.vault.calls).toEqual([])
  })

  it('wraps nothing when a followed key has no newer version, even while it is revoked', async () => {
    const { resource, change } = await resourceUnder(under(identity))
    const before = await process.keyring.state(resource)
    expect(await change(under(identity))).toEqual(before)
    expect(asked()).toEqual(['describe'])
    refuseWhere(() => true)
    expect(await change(under(identity))).toMatchObject({ wrappingFingerprint: before.wrappingFingerprint })
  })

  it('takes up the newest version when a followed key has one', async () => {
    const { change, reads } = await resourceUnder(under(identity))
    const v2 = world.vault.addVersion(VAULT, 'k1', key(1))
    expect((await change(under(identity))).versionedKeyId).toBe(`${VAULT}/keys/k1/${v2}`)
    world.vault.setEnabled(VAULT, 'k1', false, v1)
    idle()
    expect(await reads()).toBe(true)
  })

  it('from pinned to followed and back wraps nothing while the version is the same', async () => {
    const { resource, change, reads } = await resourceUnder(under(identity, v1))
    const before = await process.keyring.state(resource)
    const followed = await change(under(identity))
    expect(followed).toEqual({ ...before, protection: under(identity) })
    expect(await change(under(identity, v1))).toEqual(before)
    expect(world.vault.count('wrap')).toBe(0)
    await process.stop()
    process = await start(world)
    expect(await process.keyring.state(resource)).toEqual(before)
    expect(await reads()).toBe(true)
  })

  it.each([
    ['another version', () => under(identity, world.vault.addVersion(VAULT, 'k1', key(1)))],
    ['another key', () => (world.vault.addVersion(VAULT, 'k2', key(2)), under(identity, null, 'k2'))],
    [
      'another vault',
      () => (world.vault.addVersion(OTHER_VAULT, 'k1', key(2)), under(identity, null, 'k1', OTHER_VAULT)),
    ],
    ['another identity', () => under(other, v1)],
    ['service protection', () => SERVICE],
  ] as const)(
    'to %s opens the old wrapping anew, wraps and proves; data and leases stay',
    async (_name, to) => {
      const { resource, change, reads } = await resourceUnder(under(identity, v1))
      const lease = await process.keyring.open(resource, never)
      const rootKeyId = lease.rootKeyId
      world.vault.calls.length = 0
      const protection = to()
      const state = await change(protection)
      expect(asked()).toEqual(
        protection.source === 'service' ? ['unwrap'] : ['describe', 'unwrap', 'wrap', 'unwrap'],
      )
      expect(state.protection).toEqual(protection)
      expect(lease.check()).toBeUndefined()
      expect(lease.sealRecord('note', Buffer.alloc(1))).toBeInstanceOf(Buffer)
      if (protection.source === 'customer')
        world.vault.setEnabled(VAULT, 'k1', protection.key.name === 'k1', v1)
      idle()
      expect(await reads()).toBe(true)
      expect((await process.keyring.open(resource, never)).rootKeyId).toBe(rootKeyId)
    },
  )

  it('makes the next renewal use the new wrapping and the new identity', async () => {
    const { reads, change } = await resourceUnder(under(identity))
    await change(under(other))
    world.vault.calls.length = 0
    idle()
    expect(await reads()).toBe(true)
    expect(world.vault.calls[0]).toMatchObject({ operation: 'unwrap', principalId: other.principalId })
  })

  it('begins with a fresh unwrap, never from a lease: who cannot open cannot change', async () => {
    const { resource, change } = await resourceUnder(under(identity))
    await process.keyring.open(resource, never)
    const before = await process.keyring.state(resource)
    world.vault.addVersion(VAULT, 'k2', key(2))
    refuseWhere((operation, name) => operation === 'unwrap' && name.startsWith('k1'))
    for (const to of [SERVICE, under(identity, null, 'k2')]) {
      await expect(change(to)).rejects.toMatchObject({
        code: 'key-refused',
        facts: {
          keyId: `${VAULT}/keys/k1/${v1}`,
          message: expect.stringContaining(
            'The present key must open before another can take over',
          ) as string,
        },
      })
    }
    expect(world.vault.count('wrap')).toBe(0)
    expect((await process.keyring.state(resource)).wrappingFingerprint).toBe(before.wrappingFingerprint)
  })

  it('to another identity on the same key needs nothing of the one before', async () => {
    const { change, reads } = await resourceUnder(under(identity))
    refuseWhere((_operation, _name, principalId) => principalId === identity.principalId)
    const v2 = world.vault.addVersion(VAULT, 'k1', key(1))
    expect((await change(under(other))).versionedKeyId).toBe(`${VAULT}/keys/k1/${v2}`)
    idle()
    expect(await reads()).toBe(true)
  })

  it('to another identity on the same key is undone when the key is taken away before it takes over', async () => {
    const { resource, change } = await resourceUnder(under(identity))
    const before = await process.keyring.state(resource)
    world.vault.before = (operation, asked, principalId) => {
      if (principalId === identity.principalId) throw refusal('permission-missing', asked)
      if (operation !== 'wrap') return
      world.vault.setEnabled(VAULT, 'k1', false)
      world.vault.push({ kind: 'key', vaultUrl: asked.vaultUrl, keyName: 'k1' })
    }
    await expect(change(under(other))).rejects.toMatchObject({
      code: 'key-refused',
      facts: { cause: 'key-disabled', identity: other.clientId },
    })
    expect((await process.keyring.state(resource)).wrappingFingerprint).toBe(before.wrappingFingerprint)
  })

  it('is undone when the old key is taken away before the new one takes over', async () => {
    const { resource, change } = await resourceUnder(under(identity))
    world.vault.addVersion(VAULT, 'k2', key(2))
    const before = await process.keyring.state(resource)
    world.vault.before = (operation, asked) => {
      if (operation !== 'wrap') return
      world.vault.setEnabled(VAULT, 'k1', false)
      world.vault.push({ kind: 'key', vaultUrl: asked.vaultUrl, keyName: 'k1' })
    }
    await expect(change(under(identity, null, 'k2'))).rejects.toMatchObject({
      code: 'key-refused',
      facts: { cause: 'key-disabled' },
    })
    expect((await process.keyring.state(resource)).wrappingFingerprint).toBe(before.wrappingFingerprint)
  })

  it('is undone when the old key is taken away before service protection takes over, and no service key is left', async () => {
    const { resource } = await resourceUnder(under(identity))
    await process.stop()
    const made: Uint8Array[] = []
    process = await start(world, (deps) => ({
      ...deps,
      wrappings: {
        ...deps.wrappings,
        async add(wrapping) {
          const [row] = await process.keys.read.selectFrom('key_secrets').selectAll().execute()
          if (row?.service_wrapping_key != null) made.push(row.service_wrapping_key)
          if (made.length === 1) world.vault.setEnabled(VAULT, 'k1', false)
          world.vault.push({ kind: 'key', vaultUrl: VAULT, keyName: 'k1' })
          await deps.wrappings.add(wrapping)
        },
      },
    }))
    await expect(process.keyring.change(resource, SERVICE, never)).rejects.toMatchObject({
      code: 'key-refused',
    })
    expect((await process.keyring.state(resource)).protection).toEqual(under(identity))
    expect(made).toHaveLength(1)
    for (const wrapped of made) expect((await bytesOf('keys.db')).includes(asBuffer(wrapped))).toBe(false)
    world.vault.setEnabled(VAULT, 'k1', true)
    expect((await process.keyring.change(resource, SERVICE, never)).protection).toEqual(SERVICE)
  })

  it.each(['describe', 'wrap', 'unwrap'] as const)(
    'needs %s of the new identity, and changes nothing without it',
    async (missing) => {
      const { resource, change, reads } = await resourceUnder(under(identity))
      const before = await process.keyring.state(resource)
      refuseWhere(
        (operation, _name, principalId) => operation === missing && principalId === other.principalId,
      )
      await expect(change(under(other))).rejects.toMatchObject({
        code: 'key-refused',
        facts: { cause: 'permission-missing', identity: other.clientId },
      })
      expect(await process.keyring.state(resource)).toEqual(before)
      idle()
      expect(await reads()).toBe(true)
      expect(await process.data.read.selectFrom('wrapping').selectAll().execute()).toHaveLength(1)
    },
  )

  it('that gets no answer is an Outage and changes nothing', async () => {
    const { resource, change } = await resourceUnder(SERVICE)
    world.vault.before = (operation) => {
      if (operation === 'wrap') throw outage()
    }
    await expect(change(under(identity))).rejects.toBeInstanceOf(Outage)
    expect((await process.keyring.state(resource)).protection).toEqual(SERVICE)
  })

  it('waits for another of the same resource, and both are done', async () => {
    const { resource, change, reads } = await resourceUnder(SERVICE)
    world.vault.addVersion(VAULT, 'k2', key(2))
    await Promise.all([
      change(under(identity)),
      change(under(identity, null, 'k2')),
      change(SERVICE),
      change(under(identity)),
    ])
    expect((await process.keyring.state(resource)).protection).toEqual(under(identity))
    idle()
    expect(await reads()).toBe(true)
  })

  it('takes effect at once: the first use after it depends on the new key', async () => {
    const { resource, change } = await resourceUnder(SERVICE)
    const lease = await process.keyring.open(resource, never)
    await change(under(identity))
    expect(lease.check()).toBeUndefined()
    world.vault.setEnabled(VAULT, 'k1', false)
    world.vault.push({ kind: 'key', vaultUrl: VAULT, keyName: 'k1' })
    await expect(lease.check()).rejects.toMatchObject({ code: 'key-refused' })
    expect(() => lease.sealRecord('note', Buffer.alloc(1))).toThrow(
      expect.objectContaining({ code: 'key-refused' }),
    )
  })

  it('leaves no old answer in force: a renewal sent before it is dropped', async () => {
    const { resource, change } = await resourceUnder(under(identity))
    world.vault.addVersion(VAULT, 'k2', key(2))
    let release: (() => void) | undefined
    world.vault.before = async (operation, asked) => {
      if (operation !== 'unwrap' || asked.name !== 'k1' || release !== undefined) return
      await new Promise<void>((resolve) => (release = resolve))
    }
    idle()
    const opening = process.keyring.open(resource, never)
    await until(() => release !== undefined)
    await change(under(identity, null, 'k2'))
    world.vault.calls.length = 0
    release?.()
    await opening
    const unwrapped = world.vault.calls.filter(({ operation }) => operation === 'unwrap')
    expect(unwrapped.map((call) => call.key.slice(0, 3))).toEqual(['k2/'])
  })

  it('ten times to and fro under readers gives no error', async () => {
    const { resource, change, reads } = await resourceUnder(SERVICE)
    const over = new AbortController()
    const reader = (async () => {
      let count = 0
      let last = performance.now()
      while (!over.signal.aborted) {
        if (!(await reads())) throw new Error('unreadable')
        // Ten times as fast as the machine, so that leases are renewed, and none ends while the disk is slow.
        const now = performance.now()
        world.clock.advance((now - last) * 10)
        last = now
        count++
        await new Promise((resolve) => setImmediate(resolve))
      }
      return count
    })()
    for (let i = 0; i < 10; i++) await change(i % 2 === 0 ? under(identity) : SERVICE)
    over.abort()
    expect(await reader).toBeGreaterThan(10)
    world.vault.remove(VAULT, 'k1')
    idle()
    world.vault.calls.length = 0
    expect(await reads()).toBe(true)
    expect(world.vault.calls).toEqual([])
    expect((await process.keyring.state(resource)).protection).toEqual(SERVICE)
  })

  it('is written down with key, identity and cause', async () => {
    const { change, resource } = await resourceUnder(SERVICE)
    process.activity.length = 0
    await change(under(identity))
    refuseWhere((operation, _name, principalId) => operation === 'wrap' && principalId === other.principalId)
    await change(under(other)).catch(() => undefined)
    expect(process.activity).toMatchObject([
      {
        operation: 'Microsoft.ContainerRegistry/registries/encryption/rotate/action',
        status: 'Succeeded',
        resourceId: resource.resourceId,
        properties: { cause: 'requested', versionedKeyIdentifier: `${VAULT}/keys/k1/${v1}`, identity },
      },
      {
        operation: 'Microsoft.ContainerRegistry/registries/encryption/rotate/action',
        status: 'Failed',
        properties: { trigger: 'requested', cause: 'permission-missing', identity: other.clientId },
      },
    ])
  })
})

describe('a service wrapping key', () => {
  it("is gone from the keys store, and its wrapping from the data's, once a customer's key is proven", async () => {
    const { change } = await resourceUnder(SERVICE)
    const [secrets] = await process.keys.read.selectFrom('key_secrets').selectAll().execute()
    const [wrapping] = await process.data.read.selectFrom('wrapping').selectAll().execute()
    const serviceKey = asBuffer(secrets!.service_wrapping_key!)
    const wrapped = asBuffer(wrapping!.root_key)
    expect((await bytesOf('keys.db')).includes(serviceKey)).toBe(true)
    expect((await bytesOf('data.db')).includes(wrapped)).toBe(true)
    await change(under(identity))
    expect((await bytesOf('keys.db')).includes(serviceKey)).toBe(false)
    expect((await bytesOf('data.db')).includes(wrapped)).toBe(false)
  })
})
