import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { randomGuid } from '../../crypto/random.ts'
import { RsaKey } from '../../crypto/rsa-key.ts'
import { openSqliteRecords } from '../../store/records/sqlite/sqlite-records.ts'
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

let rsa: RsaKey
let folder: string
let world: World
let process: Process
const identity = newIdentity()
const clientId = randomGuid()

beforeAll(async () => {
  rsa = await RsaKey.generate(2048)
})
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keyring-'))
  world = newWorld(openSqliteRecords, folder)
  world.vault.addVersion(VAULT, 'k1', rsa)
  process = await start(world)
})
afterEach(async () => {
  await process.stop()
  await rm(folder, { recursive: true })
})

const federated = { ...under(identity), federated: { clientId } }
const clientsOfTokens = () => new Set(world.vault.tokens.map((token) => token.federatedClientId))

describe('a key that is opened as an application of another tenant', () => {
  it('gets each of its tokens for that application, and says which vault will see them', async () => {
    const resource = newResource()
    await process.keyring.create(resource, federated, never)
    await process.keyring.open(resource, never)
    expect(clientsOfTokens()).toEqual(new Set([clientId]))
    for (const token of world.vault.tokens)
      expect(token).toMatchObject({ principalId: identity.principalId, vaultUrl: VAULT })
  })

  it('is opened so after a restart too: the stored wrapping says it', async () => {
    const resource = newResource()
    const made = await process.keyring.create(resource, federated, never)
    await process.stop()
    process = await start(world)
    world.vault.tokens.length = 0
    expect((await process.keyring.state(resource)).protection).toEqual(federated)
    expect((await process.keyring.state(resource)).wrappingFingerprint).toBe(made.wrappingFingerprint)
    await process.keyring.open(resource, never)
    expect(clientsOfTokens()).toEqual(new Set([clientId]))
  })

  it('is wrapped anew when the application changes, comes or goes, and not when it stays', async () => {
    const resource = newResource()
    const change = async (to: typeof federated | ReturnType<typeof under>) =>
      (await process.keyring.change(resource, to, never)).wrappingFingerprint
    const first = (await process.keyring.create(resource, under(identity), never)).wrappingFingerprint
    const came = await change(federated)
    const stayed = await change({ ...under(identity), federated: { clientId } })
    const changed = await change({ ...under(identity), federated: { clientId: randomGuid() } })
    const gone = await change(under(identity))
    expect(stayed).toBe(came)
    expect(new Set([first, came, changed, gone]).size).toBe(4)
    expect((await process.keyring.state(resource)).protection).toEqual(under(identity))
  })
})
