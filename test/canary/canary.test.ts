import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type TestServer, startStrongroom } from '../support/strongroom.ts'
import { Marks, secretJourney } from './journey.ts'
import { type Find, type Search, type Secret, searchFor } from './search.ts'

/**
 * The whole of the data folder, the process's temporary files and its log, against every secret that passed through the
 * server and every key that it made, opened or derived.
 */
describe('what a server leaves behind', () => {
  let folder: string
  let server: TestServer
  let inFiles: Search
  let inLog: Search
  let keys: readonly Secret[]
  const marks = new Marks()

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'strongroom-canary-'))
    await mkdir(join(folder, 'tmp'))
    const identity = '0=/subscriptions/none'
    server = await startStrongroom({
      dataDir: join(folder, 'data'),
      args: ['--limits', 'lifted', '--log-level', 'debug', '--identity-endpoint', identity],
      environment: {
        TMPDIR: join(folder, 'tmp'),
        CANARY_KEY_LOG: join(folder, 'keys.log'),
        NODE_OPTIONS: `--import=${new URL('key-log.ts', import.meta.url).href}`,
      },
    })
    await secretJourney(server, marks)
    keys = await loggedKeys(join(folder, 'keys.log'))
    const named = await secretFiles(server)
    const others = keys.filter(({ bytes }) => !named.some((one) => Buffer.from(one.bytes).equals(bytes)))
    const secrets = [...marks.secrets, ...others, ...named]
    inFiles = searchFor([...secrets, ...marks.digests])
    inLog = searchFor(secrets)
  })
  afterAll(async () => {
    await server[Symbol.asyncDispose]()
    await rm(folder, { recursive: true, force: true })
  })

  it('was watched: keys of every kind were seen', () => {
    const kinds = new Set(keys.map(({ name }) => name.split(' ')[0]))
    expect(kinds).toEqual(new Set(['secret', 'derived', 'private', 'generated']))
    expect(keys.length).toBeGreaterThan(200)
    expect(marks.secrets.length).toBeGreaterThan(150)
  })

  it('has none of it while it runs', async () => {
    expect(await everywhere()).toEqual([])
  })

  it('has none of it in its log, which is not empty', () => {
    expect(server.output().split('\n').length).toBeGreaterThan(50)
    expect(server.output()).not.toMatch(/nobody foresaw|background failed/)
    expect(inLog.inBytes('log', Buffer.from(server.output())).map(nameAndPlace)).toEqual([])
  })

  it('has each secret of its own in its own file, where this search finds it', async () => {
    const found = await inFiles.inFolder(join(server.dataDir, 'secrets'))
    expect(new Set(found.map(nameAndPlace))).toEqual(excepted)
  })

  it('has none of it when it was killed, nor after a clean end', async () => {
    await server.stop('SIGKILL')
    expect(await everywhere()).toEqual([])
    await server.start()
    expect(await server.stop()).toBe(0)
    expect(await everywhere()).toEqual([])
  })

  /** What is found, but for each named secret in its named file. */
  async function everywhere(): Promise<readonly string[]> {
    const found = [
      ...(await inFiles.inFolder(server.dataDir)),
      ...(await inFiles.inFolder(join(folder, 'tmp'))),
    ]
    return [...new Set(found.map(nameAndPlace))].filter(
      (place) => !excepted.has(place.replace('in secrets/', 'in ')),
    )
  }
})

/** The named files of docs/format/data-folder.md, with the one secret that each is for. */
const excepted: ReadonlySet<string> = new Set([
  'seal key in seal.key',
  "owner's secret in owner.json",
  'CA key in ca.key',
  'TLS key in tls.pem',
  'identity header in identity.json',
])

function nameAndPlace({ name, where }: Find): string {
  return `${name} in ${where}`
}

async function loggedKeys(file: string): Promise<readonly Secret[]> {
  const lines = (await readFile(file, 'utf8')).trim().split('\n')
  return lines.map((line, at) => {
    const cut = line.lastIndexOf(' ')
    return { name: `${line.slice(0, cut)} #${at}`, bytes: Buffer.from(line.slice(cut + 1), 'hex') }
  })
}

/** What lies in the named files, and nowhere else. */
async function secretFiles({ dataDir }: TestServer): Promise<readonly Secret[]> {
  const read = (name: string) => readFile(join(dataDir, 'secrets', name), 'utf8')
  const identity = JSON.parse(await read('identity.json')) as { readonly IDENTITY_HEADER: string }
  return [
    { name: 'seal key', bytes: Buffer.from((await read('seal.key')).trim().split(' ')[1]!, 'base64url') },
    { name: 'identity header', bytes: Buffer.from(identity.IDENTITY_HEADER) },
    { name: 'CA key', bytes: privateBytes(await read('ca.key')) },
    { name: 'TLS key', bytes: privateBytes(await read('tls.pem')) },
  ]
}

/** The 32 bytes of the P-256 key itself: SEC 1 in PKCS #8 (RFC 5915, RFC 5958). */
function privateBytes(pem: string): Buffer {
  const base64 = /-----BEGIN PRIVATE KEY-----([^-]+)-----END/.exec(pem)![1]!
  const der = Buffer.from(base64, 'base64')
  const at = der.indexOf(Buffer.from([0x02, 0x01, 0x01, 0x04, 0x20]))
  expect(at).toBeGreaterThan(0)
  return der.subarray(at + 5, at + 37)
}
