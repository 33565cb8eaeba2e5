import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ExtentKey } from '../../crypto/extent-key.ts'
import { RsaKey } from '../../crypto/rsa-key.ts'
import { Outage } from '../../kernel/fault.ts'
import { openSqliteRecords } from '../../store/records/sqlite/sqlite-records.ts'
import type { KeyLease } from './keyring.ts'
import type { KeyringDeps } from './open-keyring.ts'
import type { KeyChange } from './ports.ts'
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

let rsa: RsaKey
let folder: string
let world: World
let process: Process
const resource = newResource()
const identity = newIdentity()
const keyChanged: KeyChange = { kind: 'key', vaultUrl: VAULT, keyName: 'k1' }

beforeAll(async () => {
  rsa = await RsaKey.generate(2048)
})
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyring-'))
  world = newWorld(openSqliteRecords, folder)
  world.vault.addVersion(VAULT, 'k1', rsa)
  await restart()
  await process.keyring.create(resource, under(identity), never)
  world.vault.calls.length = 0
})
afterEach(async () => {
  await process.stop()
  await rm(folder, { recursive: true })
})

async function restart(change?: (deps: KeyringDeps) => KeyringDeps): Promise<void> {
  process = await start(world, change)
}
const open = () => process.keyring.open(resource, never)
const unwraps = () => world.vault.count('unwrap')
const refuse = () => {
  world.vault.before = (operation, key) => {
    if (operation === 'unwrap') throw refusal('key-disabled', key)
  }
}
const allow = () => {
  world.vault.before = () => undefined
}
/** The lease is over: its check has to wait for an answer. */
function expectAsks(lease: KeyLease): void {
  const checking = lease.check()
  expect(checking).toBeInstanceOf(Promise)
  checking?.catch(() => undefined)
}
/** Calls to unwrap hang from now on, signal or not; the functions let one go each, in order. */
function hangUnwraps(): (() => void)[] {
  const releases: (() => void)[] = []
  world.vault.before = (operation) =>
    operation === 'unwrap' ? new Promise((resolve) => releases.push(resolve)) : undefined
  return releases
}

describe('a lease', () => {
  it('seals and opens records, hashes values, wraps extent keys', async () => {
    const lease = await open()
    const sealed = lease.sealRecord('note', Buffer.from('plain'))
    expect(lease.openRecord('note', sealed).toString()).toBe('plain')
    expect(() => lease.openRecord('other', sealed)).toThrow(expect.objectContaining({ code: 'seal-broken' }))
    expect(lease.indexOf('tag', 'v1')).toEqual(lease.indexOf('tag', 'v1'))
    expect(lease.indexOf('tag', 'v1')).not.toEqual(lease.indexOf('tag', 'v2'))
    const extent = { extentId: 'e1', length: 10 }
    const wrapped = lease.wrapExtentKey(extent, ExtentKey.generate())
    expect(lease.unwrapExtentKey(extent, wrapped)).toBeInstanceOf(ExtentKey)
    expect(() => lease.unwrapExtentKey({ ...extent, length: 11 }, wrapped)).toThrow()
    expect(lease.check()).toBeUndefined()
  })

  it('opens after a restart what was sealed before it', async () => {
    const sealed = (await open()).sealRecord('note', Buffer.from('plain'))
    const index = (await open()).indexOf('tag', 'v1')
    await process.stop()
    await restart()
    const lease = await open()
    expect(lease.openRecord('note', sealed).toString()).toBe('plain')
    expect(lease.indexOf('tag', 'v1')).toEqual(index)
  })

  it('is asked for once, however many want it at the same time', async () => {
    await Promise.all(Array.from({ length: 100 }, open))
    expect(unwraps()).toBe(1)
  })

  it('costs no more than two unwraps in 2 s of reading, and nothing when nobody reads', async () => {
    for (let i = 0; i < 100; i++) {
      await open()
      world.clock.advance(20)
    }
    expect(unwraps()).toBeLessThanOrEqual(2)
    const before = unwraps()
    world.clock.advance(LEASE_MS * 10)
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(unwraps()).toBe(before)
    await open()
    expect(unwraps()).toBe(before + 1)
  })

  it("is opened with the named identity, for the vault's configured audience, by tokens that live no longer than it", async () => {
    await open()
    expect(new Set(world.vault.calls.map(({ principalId }) => principalId))).toEqual(
      new Set([identity.principalId]),
    )
    for (const token of world.vault.tokens) {
      expect(token).toMatchObject({
        audience: 'https://vault.localhost:8443',
        resourceId: resource.resourceId,
      })
      expect(token.lifetimeMs).toBeLessThanOrEqual(LEASE_MS)
    }
  })

  it('runs from the sending of the request, not from its answer', async () => {
    const releases = hangUnwraps()
    const opening = open()
    await until(() => releases.length === 1)
    world.clock.advance(LEASE_MS - 1)
    releases[0]?.()
    const lease = await opening
    world.vault.before = () => new Promise(() => undefined)
    expect(lease.check()).toBeUndefined()
    world.clock.advance(1)
    expectAsks(lease)
    expect(() => lease.sealRecord('note', Buffer.alloc(1))).toThrow(Outage)
  })

  it.each(['advance', 'jump'] as const)(
    'ends when the clocks %s by its length, at every use',
    async (move) => {
      const lease = await open()
      const sealed = lease.sealRecord('note', Buffer.from('plain'))
      const wrapped = lease.wrapExtentKey({ extentId: 'e', length: 1 }, ExtentKey.generate())
      world.vault.before = () => new Promise(() => undefined)
      world.clock[move](LEASE_MS)
      for (const use of [
        () => lease.sealRecord('note', Buffer.alloc(1)),
        () => lease.openRecord('note', sealed),
        () => lease.indexOf('tag', 'v'),
        () => lease.wrapExtentKey({ extentId: 'e', length: 1 }, ExtentKey.generate()),
        () => lease.unwrapExtentKey({ extentId: 'e', length: 1 }, wrapped),
      ]) {
        expect(use).toThrow(Outage)
      }
    },
  )

  it('gains nothing from a wall clock that is set back', async () => {
    const lease = await open()
    world.clock.jump(-3_600_000)
    expect(lease.check()).toBeUndefined()
    world.vault.before = () => new Promise(() => undefined)
    world.clock.advance(LEASE_MS)
    expectAsks(lease)
  })

  it('goes on for who holds it, through renewals begun at half-life in the background', async () => {
    const lease = await open()
    for (let round = 1; round <= 5; round++) {
      world.clock.advance(LEASE_MS / 2 - 1)
      expect(lease.check()).toBeUndefined()
      expect(unwraps()).toBe(round)
      world.clock.advance(1)
      expect(lease.check()).toBeUndefined()
      await until(() => unwraps() === round + 1)
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  })

  it('that was left alone is renewed by its next check', async () => {
    const lease = await open()
    world.clock.advance(LEASE_MS * 3)
    await lease.check()
    expect(lease.check()).toBeUndefined()
    expect(lease.sealRecord('note', Buffer.alloc(1))).toBeInstanceOf(Buffer)
  })
})

describe('a refusal', () => {
  it('ends the lease as soon as a background renewal hears it', async () => {
    const lease = await open()
    refuse()
    world.clock.advance(LEASE_MS / 2)
    expect(lease.check()).toBeUndefined()
    await until(() => process.activity.some(({ operation }) => operation.endsWith('/refused/action')))
    await expect(lease.check()).rejects.toMatchObject({
      code: 'key-refused',
      facts: { cause: 'key-disabled', identity: identity.clientId },
    })
    expect(() => lease.sealRecord('note', Buffer.alloc(1))).toThrow(
      expect.objectContaining({ code: 'key-refused' }),
    )
  })

  it('is remembered for a second and no longer', async () => {
    refuse()
    await expect(open()).rejects.toMatchObject({ code: 'key-refused' })
    for (let i = 0; i < 50; i++) await expect(open()).rejects.toMatchObject({ code: 'key-refused' })
    expect(unwraps()).toBe(1)
    allow()
    world.clock.advance(999)
    await expect(open()).rejects.toMatchObject({ code: 'key-refused' })
    world.clock.advance(1)
    await open()
    expect(unwraps()).toBe(2)
  })

  it('is forgotten at once when a push says that something changed', async () => {
    refuse()
    await expect(open()).rejects.toMatchObject({ code: 'key-refused' })
    allow()
    world.vault.push(keyChanged)
    await open()
  })

  it('is written down once, and so is that the key opens again; the same bytes are readable', async () => {
    const sealed = (await open()).sealRecord('note', Buffer.from('plain'))
    refuse()
    world.vault.push(keyChanged)
    for (let i = 0; i < 3; i++) {
      await expect(open()).rejects.toMatchObject({ code: 'key-refused' })
      world.clock.advance(1_000)
    }
    expect((await process.keyring.state(resource)).refusal).toMatchObject({ cause: 'key-disabled' })
    allow()
    expect((await open()).openRecord('note', sealed).toString()).toBe('plain')
    expect((await process.keyring.state(resource)).refusal).toBeNull()
    const told = process.activity.map(
      ({ operation, status }) => `${operation.split('/').at(-2) ?? ''} ${status}`,
    )
    expect(told.filter((one) => !one.startsWith('wrap'))).toEqual(['refused Failed', 'restored Succeeded'])
    expect(process.activity.find(({ operation }) => operation.includes('/refused/'))).toMatchObject({
      operation: 'Microsoft.ContainerRegistry/registries/encryption/refused/action',
      resourceId: resource.resourceId,
      properties: { cause: 'key-disabled', identity: identity.clientId },
    })
  })

  it('comes when the identity is gone', async () => {
    world.vault.goneIdentities.add(identity.principalId)
    await expect(open()).rejects.toMatchObject({ code: 'key-refused', facts: { cause: 'identity-gone' } })
  })

  it('comes when the vault is no longer one that may be asked, and no token is got for it', async () => {
    await process.stop()
    await restart((deps) => ({
      ...deps,
      vaults: [{ suffix: '.vault.azure.net', audience: 'https://vault.azure.net' }],
    }))
    world.vault.tokens.length = 0
    await expect(open()).rejects.toMatchObject({ code: 'key-refused', facts: { cause: 'vault-not-found' } })
    expect(world.vault.tokens).toEqual([])
    expect(world.vault.calls).toEqual([])
  })
})

describe('no answer', () => {
  it('is not a refusal: the lease is served to its end, then Outage', async () => {
    await process.stop()
    await restart((deps) => ({ ...deps, settings: { ...deps.settings, renewalDeadlineMs: 50 } }))
    const lease = await open()
    world.vault.before = () => new Promise(() => undefined)
    world.clock.advance(LEASE_MS - 1)
    expect(lease.check()).toBeUndefined()
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(lease.check()).toBeUndefined()
    expect(lease.sealRecord('note', Buffer.alloc(1))).toBeInstanceOf(Buffer)
    world.clock.advance(1)
    await expect(lease.check()).rejects.toBeInstanceOf(Outage)
    await expect(open()).rejects.toBeInstanceOf(Outage)
    expect((await process.keyring.state(resource)).refusal).toBeNull()
  })

  it('says when to come again', async () => {
    world.vault.before = () => {
      throw outage()
    }
    await expect(open()).rejects.toMatchObject({ name: 'Outage', retryAfterSeconds: 3 })
  })

  it('is not asked for again at every segment', async () => {
    const lease = await open()
    world.vault.before = () => {
      throw outage()
    }
    world.clock.advance(LEASE_MS / 2)
    for (let i = 0; i < 50; i++) {
      void lease.check()
      await new Promise((resolve) => setImmediate(resolve))
    }
    await new Promise((resolve) => setTimeout(resolve, 20))
    for (let i = 0; i < 50; i++) void lease.check()
    expect(unwraps()).toBe(2)
  })

  it('lets a caller that goes away go', async () => {
    hangUnwraps()
    const client = new AbortController()
    const opening = process.keyring.open(resource, client.signal)
    client.abort(new Error('client went away'))
    await expect(opening).rejects.toThrow('client went away')
  })
})

describe('a push', () => {
  it.each([
    keyChanged,
    { kind: 'vault', vaultUrl: VAULT, keyName: null },
    { kind: 'access', vaultUrl: null, keyName: null },
    { kind: 'key', vaultUrl: VAULT, keyName: 'K1' },
  ] as const)('ends what it touches at once: %j', async (change) => {
    const lease = await open()
    refuse()
    world.vault.push(change)
    expect(() => lease.sealRecord('note', Buffer.alloc(1))).toThrow()
    await expect(lease.check()).rejects.toMatchObject({ code: 'key-refused' })
  })

  it.each([
    { kind: 'key', vaultUrl: VAULT, keyName: 'k2' },
    { kind: 'vault', vaultUrl: OTHER_VAULT, keyName: null },
    { kind: 'key', vaultUrl: OTHER_VAULT, keyName: 'k1' },
    { kind: 'key-version-created', vaultUrl: VAULT, keyName: 'k2' },
  ] as const)('leaves alone what it does not touch: %j', async (change) => {
    const lease = await open()
    world.vault.push(change)
    expect(lease.check()).toBeUndefined()
    expect(unwraps()).toBe(1)
  })

  it('makes the answer to an earlier request worth nothing: it is dropped and asked for again', async () => {
    const releases = hangUnwraps()
    const opening = open()
    await until(() => releases.length === 1)
    world.vault.push(keyChanged)
    refuse()
    releases[0]?.()
    await expect(opening).rejects.toMatchObject({ code: 'key-refused' })
    expect(unwraps()).toBe(2)
  })

  it('makes an earlier refusal worth nothing too', async () => {
    let release: (() => void) | undefined
    world.vault.before = async (operation, key) => {
      if (operation !== 'unwrap') return
      await new Promise<void>((resolve) => (release = resolve))
      throw refusal('key-disabled', key)
    }
    const opening = open()
    await until(() => release !== undefined)
    world.vault.push(keyChanged)
    allow()
    release?.()
    await opening
    expect(process.activity.some(({ operation }) => operation.includes('/refused/'))).toBe(false)
  })

  it('is survived by many resources without a stampede on the vault', async () => {
    const many = Array.from({ length: 60 }, newResource)
    await Promise.all(many.map((one) => process.keyring.create(one, under(identity), never)))
    let running = 0
    let most = 0
    world.vault.before = async (operation) => {
      if (operation !== 'unwrap') return
      most = Math.max(most, ++running)
      await new Promise((resolve) => setTimeout(resolve, 5))
      running--
    }
    await Promise.all(many.map((one) => process.keyring.open(one, never)))
    expect(most).toBe(32)
  })
})

describe('what works while the key is revoked', () => {
  it('service records and the state', async () => {
    const records = await process.keyring.serviceRecords(resource)
    const sealed = records.seal('tags', Buffer.from('v1'))
    const index = records.indexOf('tag', 'v1')
    expect(records.indexOf('tag', 'v2')).not.toEqual(index)
    expect(records.indexOf('other', 'v1')).not.toEqual(index)
    refuse()
    await expect(open()).rejects.toMatchObject({ code: 'key-refused' })
    await process.stop()
    await restart()
    expect((await process.keyring.serviceRecords(resource)).open('tags', sealed).toString()).toBe('v1')
    expect((await process.keyring.serviceRecords(resource)).indexOf('tag', 'v1')).toEqual(index)
    expect(await process.keyring.state(resource)).toMatchObject({
      protection: under(identity),
      refusal: null,
    })
  })
})

describe('destroy()', () => {
  it('ends leases and leaves nothing that opens', async () => {
    const lease = await open()
    await process.keyring.destroy(resource)
    expect(() => lease.sealRecord('note', Buffer.alloc(1))).toThrow()
    await expect(Promise.resolve(lease.check())).rejects.toMatchObject({ code: 'wrapping-refused' })
    await expect(open()).rejects.toMatchObject({ code: 'wrapping-refused' })
    await expect(process.keyring.serviceRecords(resource)).rejects.toMatchObject({ code: 'wrapping-refused' })
    await process.keyring.destroy(resource)
  })
})
