import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type BackupSummary, backUp } from '../../src/server/backup.ts'
import { runStrongroom } from '../support/command-line.ts'
import { freePort } from '../support/free-port.ts'
import { type Estate, encryptionWith, makeEstate, newKeyVersion } from '../support/estate.ts'
import { type RestRegistry, restRegistry } from '../support/rest-registry.ts'
import { type Rest, openRest, text } from '../support/rest.ts'
import { type TestServer, startStrongroom } from '../support/strongroom.ts'
import { type BuiltImage, buildOciImage } from '../tools/oci-layout.ts'

let folder: string
let server: TestServer
let rest: Rest
let estate: Estate
let registry: RestRegistry
let sealKey: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'strongroom-backup-'))
  server = await startStrongroom()
  sealKey = join(server.dataDir, 'secrets/seal.key')
  rest = await openRest(server)
  estate = await makeEstate(rest)
  registry = restRegistry(rest, estate.registry)
})
afterAll(async () => {
  rest[Symbol.dispose]()
  await server[Symbol.asyncDispose]()
  await rm(folder, { recursive: true, force: true })
})

const newFolder = (name: string) => join(folder, name)
/** A layer that stands in its row, and one that is a file. */
const image = (name: string): BuiltImage =>
  buildOciImage({
    layers: [Buffer.from(name), randomBytes(20_000)].map((bytes, n) => [{ path: `${name}-${n}`, bytes }]),
  })
const backup = async (target: string): Promise<BackupSummary & { readonly ok: boolean }> => {
  const { code, stdout, stderr } = await runStrongroom('backup', target, '--data', server.dataDir, '--json')
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
  return JSON.parse(stdout) as BackupSummary & { ok: boolean }
}
/** In the place of the first server: key ids bear its port. */
async function onRestored(dataDir: string, work: (registry: RestRegistry, rest: Rest) => Promise<void>) {
  await server.stop()
  try {
    await using restored = await startStrongroom({
      dataDir,
      port: server.port,
      args: ['--seal-key', sealKey],
    })
    using client = await openRest(restored)
    await work(restRegistry(client, estate.registry), client)
    expect(await restored.stop()).toBe(0)
  } finally {
    rest.reset()
    registry.forgetTokens()
    await server.start()
  }
}

describe('strongroom backup', () => {
  it('beside pushes and rotations, is sound, and holds all that was acknowledged before it began', async () => {
    const pushed: { readonly name: string; readonly digest: string }[] = []
    const working = new AbortController()
    const pushing = (async () => {
      for (let n = 0; !working.signal.aborted; n++) {
        const one = image(`busy-${n}`)
        await registry.push(`busy/${n % 7}`, `v${n}`, one)
        pushed.push({ name: `busy/${n % 7}`, digest: one.manifest.digest })
      }
    })()
    let rotations = 0
    const rotating = (async () => {
      while (!working.signal.aborted) {
        const keyId = await newKeyVersion(rest, estate.vault, estate.keyName)
        const properties = encryptionWith({ keyId, identity: estate.identity })
        await rest.armDone('PATCH', estate.registryPath, { properties })
        rotations++
      }
    })()
    const made: { readonly dir: string; readonly expected: readonly { name: string; digest: string }[] }[] =
      []
    try {
      for (let n = 0; n < 4; n++) {
        const expected = [...pushed]
        const dir = newFolder(`busy-${n}`)
        const summary = await backup(dir)
        expect(summary).toMatchObject({ ok: true, damaged: [] })
        made.push({ dir, expected })
      }
    } finally {
      working.abort()
      await Promise.all([pushing, rotating])
    }
    expect(rotations).toBeGreaterThan(3)
    expect(made.at(-1)?.expected.length).toBeGreaterThan(10)
    for (const { dir, expected } of made) {
      const verified = await runStrongroom('verify', '--data', dir, '--seal-key', sealKey)
      expect(verified.stdout).toContain('All that was looked at is sound.')
      await onRestored(dir, async (restored) => {
        for (const { name, digest } of expected) expect(await restored.pull(name, digest)).toBe(digest)
      })
    }
  })

  it('is a data folder without the seal key, for nobody else to read, and does not start without that key', async () => {
    const dir = newFolder('plain')
    await backup(dir)
    expect(readdirSync(dir).sort()).toEqual(['FORMAT', 'bytes', 'data.db', 'keys.db', 'secrets'])
    expect(readdirSync(join(dir, 'secrets')).sort()).toEqual(['ca.key', 'ca.pem', 'owner.json', 'tls.pem'])
    for (const name of readdirSync(dir, { recursive: true, encoding: 'utf8' })) {
      expect({ name, mode: statSync(join(dir, name)).mode & 0o077 }).toEqual({ name, mode: 0 })
    }
    const { code, stderr } = await runStrongroom(
      'up',
      '--data',
      dir,
      '--listen',
      `127.0.0.1:${await freePort()}`,
    )
    expect(code).toBe(1)
    expect(stderr).toContain(`the seal key ${join(dir, 'secrets/seal.key')} is missing: name the file`)
    expect(stderr.trim()).not.toContain('\n')
    expect(existsSync(join(dir, 'secrets/seal.key'))).toBe(false)
  })

  it('of a registry whose key was taken away needs no key, and serves when it is given back', async () => {
    const one = image('revoked')
    await registry.push('revoked', 'v1', one)
    const keyPath = `/keys/${estate.keyName}`
    const setEnabled = (client: Rest, version: string, enabled: boolean) =>
      client.vaultDone(estate.vault, 'PATCH', `${keyPath}/${version}`, { attributes: { enabled } })
    const versionOf = async () => {
      const { properties } = await rest.armDone('GET', estate.registryPath)
      return text(propertyAt(properties, 'encryption', 'keyVaultProperties', 'versionedKeyIdentifier'))
        .split('/')
        .at(-1)
    }
    const version = (await versionOf()) ?? ''
    await setEnabled(rest, version, false)
    const dir = newFolder('revoked')
    await backup(dir)
    await setEnabled(rest, version, true)
    await onRestored(dir, async (restored, client) => {
      await expect(restored.pull('revoked', 'v1')).rejects.toThrow('403')
      await setEnabled(client, version, true)
      expect(await restored.pull('revoked', 'v1')).toBe(one.manifest.digest)
    })
  })

  it('copies the databases again when the server deleted bytes that it was about to copy', async () => {
    const begin = async () => {
      const started = await registry.send('POST', '/v2/uploads/blobs/uploads/')
      const body = randomBytes(20_000)
      return (await registry.send('PATCH', started.headers.location ?? '', { body })).headers.location ?? ''
    }
    const cancelled = await begin()
    const going = await begin()
    let cancelling: Promise<unknown> | null = null
    const dir = newFolder('again')
    // The copy of the databases has the upload; then it goes, before its bytes are copied.
    const { rounds, damaged } = await backUp({
      dataDir: server.dataDir,
      target: dir,
      progress: async ({ step }) => {
        if (step === 'extents') await (cancelling ??= registry.send('DELETE', cancelled))
      },
    })
    expect({ rounds, damaged }).toEqual({ rounds: 2, damaged: [] })
    await onRestored(dir, async (restored) => {
      expect((await restored.send('GET', cancelled)).status).toBe(404)
      expect((await restored.send('GET', going)).headers.range).toBe('0-19999')
    })
  })

  it('says which bytes the data folder itself has lost, and copies the rest', async () => {
    const one = image('lost')
    await registry.push('lost', 'v1', one)
    const before = new Set(extentsIn(server.dataDir))
    await registry.push('lost', 'v2', image('lost too'))
    const [lost = ''] = extentsIn(server.dataDir).filter((path) => !before.has(path))
    const kept = await readFile(join(server.dataDir, 'bytes', lost))
    await rm(join(server.dataDir, 'bytes', lost))
    const dir = newFolder('lost')
    const { code, stdout } = await runStrongroom('backup', dir, '--data', server.dataDir)
    expect(code).toBe(1)
    expect(stdout).toContain('Damage: 1 extents are missing')
    await writeFile(join(server.dataDir, 'bytes', lost), kept, { mode: 0o600 })
    expect(extentsIn(dir)).toHaveLength(extentsIn(server.dataDir).length - 1)
  })

  it('refuses a folder that is not empty, one in the data folder, and a source that is none; and changes nothing', async () => {
    const full = newFolder('full')
    await mkdir(full)
    await writeFile(join(full, 'thesis.doc'), 'mine')
    const fails = async (target: string, dataDir: string): Promise<string> => {
      const { code, stdout, stderr } = await runStrongroom('backup', target, '--data', dataDir)
      expect({ code, stdout }).toEqual({ code: 1, stdout: '' })
      expect(stderr.trim()).not.toContain('\n')
      return stderr
    }
    expect(await fails(full, server.dataDir)).toContain('is not empty (it has "thesis.doc")')
    expect(readdirSync(full)).toEqual(['thesis.doc'])
    expect(await fails(join(full, 'thesis.doc'), server.dataDir)).toContain('is not a folder')
    const inside = join(server.dataDir, 'copy')
    expect(await fails(inside, server.dataDir)).toContain('lies in the data folder')
    expect(existsSync(inside)).toBe(false)
    expect(await fails(newFolder('none'), full)).toContain('is no data folder of Strongroom')
    expect(existsSync(newFolder('none'))).toBe(false)
  })
})

function extentsIn(dataDir: string): string[] {
  return readdirSync(join(dataDir, 'bytes'), { recursive: true, encoding: 'utf8' }).filter((path) =>
    /^[0-9a-f]{2}\/[0-9a-f]{32}$/.test(path),
  )
}

function propertyAt(value: unknown, ...path: readonly string[]): never {
  return path.reduce<unknown>((inner, name) => (inner as Record<string, unknown>)[name], value) as never
}
