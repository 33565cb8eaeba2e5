import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { RsaKey } from '../../crypto/rsa-key.ts'
import { openSqliteRecords } from '../../store/records/sqlite/sqlite-records.ts'
import type { ProtectedResource, Protection } from './keyring.ts'
import type { KeyringDeps } from './open-keyring.ts'
import {
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

/**
 * Every call that creating or changing makes to a store, to the vault or to the scrubber is a place where the process can
 * die: before the call has done anything, or after it did all. From then on every further call fails, as in a dead process;
 * then the files are opened anew.
 */
class Death extends Error {}

let rsa: readonly RsaKey[]
let folder: string
let world: World
const identity = newIdentity()
const SERVICE: Protection = { source: 'service' }
const K1 = under(identity)
const K2 = under(identity, null, 'k2')

beforeAll(async () => {
  rsa = await Promise.all([RsaKey.generate(2048), RsaKey.generate(2048)])
})
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyring-'))
  world = newWorld(openSqliteRecords, folder)
  rsa.forEach((one, at) => world.vault.addVersion(VAULT, `k${at + 1}`, one))
})
afterEach(() => rm(folder, { recursive: true }))

interface Script {
  /** The calls so far, not counting the start's. */
  readonly made: string[]
  isOn: boolean
  /** The call to die at, counted from 0, and on which side of it; null lives. */
  at: number | null
  when: 'before' | 'after'
}

/** Puts the script between the keyring and each of its ports. */
function scripted(script: Script): (deps: KeyringDeps) => KeyringDeps {
  const dies = async (name: string, call: () => Promise<unknown>) => {
    if (!script.isOn) return call()
    const mine = script.made.push(name) - 1
    if (script.at !== null && (mine > script.at || (mine === script.at && script.when === 'before')))
      throw new Death(name)
    const result = await call()
    if (mine === script.at) throw new Death(name)
    return result
  }
  const wrap = <T extends object>(label: string, port: T): T =>
    new Proxy(port, {
      get(target, name) {
        const member: unknown = Reflect.get(target, name)
        if (typeof member !== 'function') return member
        if (name === 'watch') return (...args: unknown[]): unknown => Reflect.apply(member, target, args)
        return async (...args: unknown[]) =>
          dies(`${label}.${String(name)}`, async () => (await Reflect.apply(member, target, args)) as unknown)
      },
    })
  return (deps) => ({
    ...deps,
    keySecrets: wrap('keySecrets', deps.keySecrets),
    wrappings: wrap('wrappings', deps.wrappings),
    keyHolder: wrap('vault', deps.keyHolder),
    scrub: async () => {
      await dies('scrub', deps.scrub)
    },
  })
}

const newScript = (at: number | null, when: Script['when']): Script => ({ made: [], isOn: false, at, when })
const alive = () => newScript(null, 'before')

async function run(script: Script, work: (process: Process) => Promise<unknown>): Promise<void> {
  const process = await start(world, scripted(script))
  try {
    script.isOn = true
    await work(process)
  } catch (error) {
    if (!(error instanceof Death)) throw error
  } finally {
    await process.stop()
  }
}

/** What holds is one of the two, whole; nothing is left over; and the wanted change can be had. */
async function expectWhole(resource: ProtectedResource, sealed: Buffer, from: Protection, to: Protection) {
  const process = await start(world)
  const state = await process.keyring.state(resource)
  expect([from, to]).toContainEqual(state.protection)
  const lease = await process.keyring.open(resource, never)
  expect(lease.openRecord('note', sealed).toString()).toBe('plain')
  await expectTidy(process, state.protection)
  expect((await process.keyring.change(resource, to, never)).protection).toEqual(to)
  await expectTidy(process, to)
  expect((await process.keyring.open(resource, never)).openRecord('note', sealed).toString()).toBe('plain')
  await process.stop()
}

async function expectTidy(process: Process, holds: Protection) {
  expect(await process.data.read.selectFrom('wrapping').select('generation').execute()).toHaveLength(1)
  const secrets = await process.keys.read.selectFrom('key_secrets').selectAll().executeTakeFirstOrThrow()
  expect(secrets.is_settled).toBe(1)
  expect(secrets.service_wrapping_key === null).toBe(holds.source === 'customer')
}

async function prepared(from: Protection) {
  const resource = newResource()
  const process = await start(world)
  await process.keyring.create(resource, from, never)
  const sealed = (await process.keyring.open(resource, never)).sealRecord('note', Buffer.from('plain'))
  await process.stop()
  return { resource, sealed }
}

describe.each([
  ['service to customer', SERVICE, K1],
  ['customer to service', K1, SERVICE],
  ['one key to another', K1, K2],
  ['a followed key to a pinned one', K1, null],
] as const)('change(), %s', (_name, from, to) => {
  it.each(['before', 'after'] as const)('is whole whatever call the process dies %s', async (when) => {
    const wanted = async (process: Process, resource: ProtectedResource): Promise<Protection> => {
      if (to !== null) return to
      const { versionedKeyId } = await process.keyring.state(resource)
      return under(identity, versionedKeyId?.split('/').at(-1) ?? null)
    }
    const script = alive()
    const whole = await prepared(from)
    await run(script, async (process) =>
      process.keyring.change(whole.resource, await wanted(process, whole.resource), never),
    )
    const calls = [...script.made]
    expect(calls).toEqual(
      expect.arrayContaining([
        'keySecrets.issue',
        'wrappings.add',
        'keySecrets.confirm',
        'wrappings.removeOthers',
        'keySecrets.settle',
      ]),
    )
    for (let at = 0; at < calls.length; at++) {
      await rm(folder, { recursive: true })
      await mkdir(folder)
      const { resource, sealed } = await prepared(from)
      const target = await (async () => {
        const process = await start(world)
        const protection = await wanted(process, resource)
        await process.stop()
        return protection
      })()
      await run(newScript(at, when), (process) => process.keyring.change(resource, target, never))
      await expectWhole(resource, sealed, from, target).catch((cause: unknown) => {
        throw new Error(`dead ${when} ${calls[at] ?? ''} (${at})`, { cause })
      })
    }
  })
})

describe.each([
  ['service', SERVICE],
  ['customer', K1],
] as const)('create() under %s protection', (_name, protection) => {
  it.each(['before', 'after'] as const)(
    'leaves all or nothing whatever call the process dies %s',
    async (when) => {
      const script = alive()
      await run(script, (process) => process.keyring.create(newResource(), protection, never))
      const calls = [...script.made]
      for (let at = 0; at < calls.length; at++) {
        await rm(folder, { recursive: true })
        await mkdir(folder)
        const resource = newResource()
        await run(newScript(at, when), (process) => process.keyring.create(resource, protection, never))
        const process = await start(world)
        const rows = await process.data.read.selectFrom('wrapping').selectAll().execute()
        const secrets = await process.keys.read.selectFrom('key_secrets').selectAll().execute()
        expect([0, 1], `dead ${when} ${calls[at] ?? ''}`).toContain(rows.length)
        expect(secrets).toHaveLength(rows.length)
        await process.keyring.create(resource, protection, never)
        await expectTidy(process, protection)
        await process.keyring.open(resource, never)
        await process.stop()
      }
    },
  )
})

it('a start scrubs what a change that died before its scrubbing destroyed', async () => {
  const { resource } = await prepared(SERVICE)
  const script = alive()
  await run(script, (process) => process.keyring.change(resource, K1, never))
  const again = await prepared(SERVICE)
  await run(newScript(script.made.indexOf('scrub'), 'before'), (process) =>
    process.keyring.change(again.resource, K1, never),
  )
  let scrubs = 0
  const process = await start(world, (deps) => ({
    ...deps,
    scrub: async () => {
      scrubs++
      await deps.scrub()
    },
  }))
  expect(scrubs).toBe(1)
  await process.stop()
})

it('a change that cannot tidy up holds all the same, and is tidied up while the process lives', async () => {
  const { resource } = await prepared(SERVICE)
  let isBusy = true
  const process = await start(world, (deps) => ({
    ...deps,
    scrub: async () => {
      if (isBusy) throw new Error('a long read')
      await deps.scrub()
    },
  }))
  expect((await process.keyring.change(resource, K1, never)).protection).toEqual(K1)
  isBusy = false
  await process.keyring.open(resource, never)
  await new Promise((resolve) => setTimeout(resolve, 50))
  await expectTidy(process, K1)
  await process.stop()
})
