import { randomBytes } from 'node:crypto'
import { expect } from 'vitest'
import type { JsonObject } from '../../src/kernel/json.ts'
import { newKeyVersion } from '../support/estate.ts'
import { sha256 } from '../support/rest-registry.ts'
import { type RestBlobs, accountUnder, scopeUnder } from '../support/rest-blobs.ts'
import { setEnabled } from './attempts.ts'
import type { Attempt } from './crash-points.ts'
import { type CrashSite } from './crash-site.ts'

/** Whose keys an account and its scope are under: a version of the vault's, or null, the service's. */
interface Held {
  readonly account: string | null
  readonly scope: string | null
}

interface KeyedBlob {
  readonly path: string
  readonly holder: keyof Held
  readonly digest: string
}

/** What changes of keys are tried on: a blob under the account's key, and one under a scope's. */
interface KeyedBlobs {
  readonly blobs: RestBlobs
  readonly stored: readonly KeyedBlob[]
  /** The states that an account goes through, from the service's keys and back to them. */
  readonly states: readonly Held[]
}

const SCOPE = 'scope1'

export async function makeKeyedBlobs({ rest, estate }: CrashSite, blobs: RestBlobs): Promise<KeyedBlobs> {
  await rest.armDone('PUT', scopePath(blobs), { properties: scopeUnder(null) })
  await blobs.done('PUT', '/keyed?restype=container')
  const stored: KeyedBlob[] = []
  for (const holder of ['account', 'scope'] as const) {
    const [path, body] = [`/keyed/${holder}`, randomBytes(50_000)]
    const scope = holder === 'scope' ? { 'x-ms-encryption-scope': SCOPE } : {}
    await blobs.done('PUT', path, { body, headers: { 'x-ms-blob-type': 'BlockBlob', ...scope } })
    stored.push({ path, holder, digest: sha256(body) })
  }
  const first = await newKeyVersion(rest, estate.vault, 'rotated')
  const second = await newKeyVersion(rest, estate.vault, 'rotated')
  const other = await newKeyVersion(rest, estate.vault, 'other')
  const states: readonly Held[] = [
    { account: null, scope: null },
    { account: first, scope: null },
    { account: second, scope: null },
    { account: second, scope: first },
    { account: second, scope: other },
    { account: null, scope: other },
    { account: null, scope: null },
  ]
  return { blobs, stored, states }
}

/** An account under a customer's key, rotated, its scope re-keyed, and all of it back under the service's keys. */
export function keyChanges(site: CrashSite, keyed: KeyedBlobs): Attempt {
  const { states } = keyed
  let [begun, acknowledged] = [0, 0]
  const goOn = async () => {
    for (let at = acknowledged; at < states.length - 1; at = acknowledged) {
      begun = at + 1
      await change(site, keyed, states[at], states[at + 1])
      acknowledged = at + 1
      await readAll(keyed)
    }
  }
  return {
    run: goOn,
    async check() {
      const held = await heldOf(site, keyed)
      expect([states[acknowledged], states[begun]]).toContainEqual(held)
      if (JSON.stringify(held) === JSON.stringify(states[begun])) acknowledged = begun
      await readAll(keyed)
      await opensWithItsOwnAlone(site, keyed, held)
      await goOn()
    },
  }
}

async function change(
  { rest, estate }: CrashSite,
  { blobs }: KeyedBlobs,
  from: Held | undefined,
  to: Held | undefined,
): Promise<void> {
  if (from === undefined || to === undefined) throw new Error('no such state')
  if (from.account === to.account) {
    await rest.armDone('PATCH', scopePath(blobs), { properties: scopeUnder(to.scope) })
  } else {
    await rest.armDone('PATCH', blobs.path, { properties: accountUnder(estate, to.account) })
  }
}

async function heldOf({ rest }: CrashSite, { blobs }: KeyedBlobs): Promise<Held> {
  const [account, scope] = [
    await rest.armDone('GET', blobs.path),
    await rest.armDone('GET', scopePath(blobs)),
  ]
  const versionIn = (value: JsonObject) => {
    return /"currentVersionedKeyIdentifier":"([^"]+)"/.exec(JSON.stringify(value))?.[1] ?? null
  }
  return { account: versionIn(account), scope: versionIn(scope) }
}

async function readAll({ blobs, stored }: KeyedBlobs): Promise<void> {
  for (const { path, digest } of stored) expect(await blobs.digest(path), path).toBe(digest)
}

/** With every other version taken away all is read; with its own away, nothing is that is under it. */
async function opensWithItsOwnAlone(site: CrashSite, keyed: KeyedBlobs, held: Held): Promise<void> {
  const all = new Set(
    keyed.states.flatMap(({ account, scope }) => [account, scope]).filter((id) => id !== null),
  )
  const own = [held.account, held.scope]
  const others = [...all].filter((id) => !own.includes(id))
  const mine = [...all].filter((id) => own.includes(id))
  for (const id of others) await setEnabled(site, id, false)
  await readAll(keyed)
  for (const id of mine) await setEnabled(site, id, false)
  for (const { path, holder } of keyed.stored) {
    const { status } = await keyed.blobs.send('GET', path)
    expect(status, path).toBe(held[holder] === null ? 200 : 403)
  }
  for (const id of all) await setEnabled(site, id, true)
}

function scopePath({ path }: RestBlobs): string {
  return `${path}/encryptionScopes/${SCOPE}`
}
