import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { chmod, chown, mkdir, rename, rm, symlink, unlink, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { DAY_MS, HOUR_MS } from '../kernel/units.ts'
import { type Examination, examine } from './doctor.ts'
import { checkCertificate } from './doctor/certificate.ts'
import { checkClock } from './doctor/clock.ts'
import { checkCoreDumps } from './doctor/core-dumps.ts'
import { checkDataFolder } from './doctor/data-folder.ts'
import { type Finding, fail, ok, report, warn } from './doctor/finding.ts'
import { checkHealth } from './doctor/health.ts'
import { type Lookup, checkNames } from './doctor/names.ts'
import { checkProxy } from './doctor/proxy.ts'
import { checkSealKey } from './doctor/seal-key.ts'
import { type TestInstallation, freePort, testInstallation } from './testing.ts'

const loopback: Lookup = async () => [
  { address: '::1', family: 6 },
  { address: '127.0.0.1', family: 4 },
]
const nowhere: Lookup = async (name) => Promise.reject(new Error(`getaddrinfo ENOTFOUND ${name}`))

async function examined(at: TestInstallation, changes: Partial<Examination> = {}) {
  const findings = await examine({
    dataDir: at.dataDir,
    sealKeyFile: null,
    metricsPort: await freePort(),
    lookup: loopback,
    trusted: [],
    environment: {},
    now: new Date(),
    ...changes,
  })
  return Object.fromEntries(findings.map((finding) => [finding.check, finding]))
}

const statusOf = (findings: Record<string, Finding>) =>
  Object.fromEntries(Object.entries(findings).map(([check, { status }]) => [check, status]))

test('a server that is well, in a shell that trusts it, has the seal key as its only warning', async () => {
  await using at = await testInstallation()
  const server = await at.serve()
  await using health = await healthPort({ status: 'ready', resources: [] })
  const found = await examined(at, { trusted: [at.authority.certPem], metricsPort: health.port })
  await server.close(0)
  expect(statusOf(found)).toEqual({
    data: 'ok',
    secrets: 'ok',
    'seal key': 'warn',
    'core dumps': expect.stringMatching(/ok|warn/) as string,
    clock: 'ok',
    names: 'ok',
    port: 'ok',
    certificate: 'ok',
    trust: 'ok',
    health: 'ok',
  })
})

test('a shell that does not trust the server is told how to, for this data folder', async () => {
  await using at = await testInstallation('my data')
  const server = await at.serve()
  const { trust } = await examined(at)
  await server.close(0)
  expect(trust).toMatchObject({
    status: 'fail',
    remedy: [
      `in this shell: eval "$(npm run -s strongroom -- env --data '${at.dataDir}')"`,
      `on this machine, as root: npm run -s strongroom -- trust --data '${at.dataDir}'`,
    ],
  })
})

test('a server that is down is a warning, and trust is judged by the CA alone', async () => {
  await using at = await testInstallation()
  const down = await examined(at)
  expect(down['port']).toMatchObject({
    status: 'warn',
    detail: expect.stringContaining('is not running') as string,
  })
  expect(down['trust']?.status).toBe('fail')
  expect(down['health']).toBeUndefined()
  expect((await examined(at, { trusted: [at.authority.certPem] }))['trust']?.status).toBe('ok')
})

test('another program on the port is not taken for the server, whether it speaks TLS or not', async () => {
  await using at = await testInstallation()
  await using other = await testInstallation('data', { port: at.owner.port })
  const tls = await other.serve()
  expect((await examined(at))['port']).toMatchObject({
    status: 'fail',
    detail: expect.stringContaining('is not ours') as string,
  })
  await tls.close(0)
  const plain = createServer((_request, response) => response.end())
  await new Promise<void>((resolve) => plain.listen(at.owner.port, '127.0.0.1', resolve))
  expect((await examined(at))['port']?.status).toBe('fail')
  plain.closeAllConnections()
  await new Promise((resolve) => plain.close(resolve))
})

test('a server that runs without its health port is asked for with another --metrics-port', async () => {
  await using at = await testInstallation()
  const server = await at.serve()
  const { health } = await examined(at)
  await server.close(0)
  expect(health).toMatchObject({ status: 'fail', remedy: [expect.stringContaining('--metrics-port')] })
})

test('a folder that is not there, or was never started, ends the examination with what to do', async () => {
  await using at = await testInstallation()
  await rm(join(at.dataDir, 'secrets', 'owner.json'))
  expect((await examined(at))['owner']?.detail).toContain('start the server once')
  await rm(at.dataDir, { recursive: true })
  expect(await examined(at)).toMatchObject({
    data: { status: 'fail', remedy: ['start the server once: npm start', 'or name its folder with --data'] },
  })
})

test('a CA file that is gone is said', async () => {
  await using at = await testInstallation()
  await unlink(at.owner.caFile ?? '')
  expect((await examined(at))['trust']?.detail).toBe(`${at.owner.caFile} cannot be read`)
})

test('names that do not resolve are named, with the package or the DNS records to add', async () => {
  const local = await checkNames('localhost', nowhere)
  expect(local.detail).toContain('login.localhost')
  expect(local.remedy.join('\n')).toContain('libnss-myhostname')
  expect(local.remedy.join('\n')).toContain('127.0.0.1 login.localhost')
  const own = await checkNames('cloud.example', nowhere)
  expect(own.remedy.join('\n')).toContain('*.vault.cloud.example')
  const one: Lookup = async (name) => (name.startsWith('registry1') ? nowhere(name) : loopback(name))
  expect((await checkNames('localhost', one)).detail).toBe('registry1.azurecr.localhost does not resolve')
})

test('a name under localhost that leads elsewhere is a failure, one under another domain is not', async () => {
  const elsewhere: Lookup = async () => [{ address: '203.0.113.7', family: 4 }]
  expect((await checkNames('localhost', elsewhere)).status).toBe('fail')
  expect((await checkNames('cloud.example', elsewhere)).status).toBe('ok')
})

test('a certificate is told apart by its names and its time', async () => {
  await using at = await testInstallation()
  const now = new Date()
  const check = async (domain: string, validFrom: Date, days: number) =>
    checkCertificate((await at.certify(domain, validFrom, days)).certPem, 'localhost', now)
  const since = new Date(now.getTime() - DAY_MS)
  expect((await check('localhost', since, 300)).status).toBe('ok')
  expect(await check('example.org', since, 300)).toMatchObject({
    status: 'fail',
    detail: expect.stringContaining('vault1.vault.localhost') as string,
  })
  expect((await check('localhost', since, 10)).status).toBe('warn')
  expect(await check('localhost', new Date(now.getTime() - 20 * DAY_MS), 10)).toMatchObject({
    status: 'fail',
    detail: expect.stringContaining('it ended on') as string,
  })
  expect(await check('localhost', new Date(now.getTime() + DAY_MS), 10)).toMatchObject({
    status: 'fail',
    detail: expect.stringContaining('only from') as string,
  })
})

test('secrets that others can read are each named with their chmod', async () => {
  await using at = await testInstallation()
  const key = join(at.dataDir, 'secrets', 'seal.key')
  await chmod(key, 0o644)
  expect((await checkDataFolder(at.dataDir))[1]).toMatchObject({
    status: 'fail',
    remedy: [`chmod 600 ${key}`],
  })
  await chmod(at.dataDir, 0o755)
  expect((await checkDataFolder(at.dataDir))[1]?.remedy).toEqual([
    `chmod 700 ${at.dataDir}`,
    `chmod 600 ${key}`,
  ])
})

test.skipIf(process.getuid?.() !== 0)('a folder of another user is a warning', async () => {
  await using at = await testInstallation()
  await chown(at.dataDir, 12_345, 12_345)
  expect((await checkDataFolder(at.dataDir))[0]).toMatchObject({
    status: 'warn',
    detail: expect.stringContaining('12345') as string,
  })
})

test('a seal key beside the data is called by its name, even behind a link', async () => {
  await using at = await testInstallation()
  const inside = join(at.dataDir, 'secrets', 'seal.key')
  const outside = join(at.dataDir, '..', 'apart.key')
  expect((await checkSealKey(at.dataDir, null)).detail).toContain('it protects against lost data files only')
  await symlink(inside, outside)
  expect((await checkSealKey(at.dataDir, outside)).status).toBe('warn')
  await unlink(outside)
  await rename(inside, outside)
  expect((await checkSealKey(at.dataDir, outside)).status).toBe('ok')
  expect(await checkSealKey(at.dataDir, null)).toMatchObject({
    status: 'fail',
    detail: expect.stringContaining('cannot be read') as string,
  })
  await chmod(outside, 0o640)
  expect((await checkSealKey(at.dataDir, outside)).remedy).toEqual([`chmod 600 ${outside}`])
  await writeFile(outside, 'strongroom-seal-key-1 short\n')
  expect((await checkSealKey(at.dataDir, outside)).detail).toContain('is damaged')
})

test('each key out of reach is a failure that names registry, key and cause', async () => {
  const key = 'https://kv1.vault.localhost:8443/keys/k1'
  await using health = await healthPort({
    status: 'degraded',
    resources: [
      { resourceId: '/a/registries/one', keyId: key, state: 'open' },
      { resourceId: '/a/registries/two', keyId: key, state: 'refused', cause: 'key-disabled' },
      { resourceId: '/a/registries/three', keyId: key, state: 'unreachable' },
    ],
  })
  const [server, ...keys] = await checkHealth(health.port, true)
  expect(server?.status).toBe('ok')
  expect(keys.map(({ status, detail }) => [status, detail])).toEqual([
    ['fail', `/a/registries/two: the vault refuses its key ${key} (key-disabled)`],
    ['fail', `/a/registries/three: the vault of its key ${key} does not answer`],
  ])
})

test('keys that open are counted; a shutdown under way is a warning', async () => {
  const one = { resourceId: '/r', keyId: 'https://k', state: 'open' }
  await using ready = await healthPort({ status: 'ready', resources: [one] })
  expect((await checkHealth(ready.port, true)).map(({ status }) => status)).toEqual(['ok', 'ok'])
  await using stopping = await healthPort({ status: 'stopping', resources: [] })
  expect((await checkHealth(stopping.port, true)).map(({ status }) => status)).toEqual(['warn'])
})

test('what answers on the health port in another form is not ours', async () => {
  await using other = await healthPort({ hello: 'world' })
  expect((await checkHealth(other.port, true))[0]?.status).toBe('fail')
  expect(await checkHealth(other.port, false)).toEqual([])
})

test('core dumps are judged by the limit of the server, else of this shell', async () => {
  await using at = await testInstallation()
  const proc = join(at.dataDir, 'proc')
  const limits = async (pid: string, soft: string) => {
    await mkdir(join(proc, pid), { recursive: true })
    await writeFile(
      join(proc, pid, 'limits'),
      `Limit   Soft  Hard Units\nMax core file size        ${soft}    unlimited   bytes\n`,
    )
  }
  expect(await checkCoreDumps(at.dataDir, proc)).toBeNull()
  await limits('self', 'unlimited')
  expect(await checkCoreDumps(at.dataDir, proc)).toMatchObject({
    status: 'warn',
    detail: expect.stringContaining('this shell') as string,
  })
  await writeFile(join(at.dataDir, 'lock.pid'), '42\n')
  await limits('42', '0')
  expect(await checkCoreDumps(at.dataDir, proc)).toMatchObject({
    status: 'ok',
    detail: 'the server writes none',
  })
})

test('a clock behind what was written is a failure', async () => {
  await using at = await testInstallation()
  const now = new Date()
  expect((await checkClock(at.dataDir, now)).status).toBe('ok')
  const later = new Date(now.getTime() + HOUR_MS)
  await utimes(join(at.dataDir, 'secrets', 'owner.json'), later, later)
  expect((await checkClock(at.dataDir, now)).status).toBe('fail')
})

test('a proxy that would get our requests is a failure', () => {
  expect(checkProxy('localhost', {})).toBeNull()
  expect(checkProxy('localhost', { https_proxy: 'http://p:1' })?.status).toBe('fail')
  expect(checkProxy('localhost', { https_proxy: 'http://p:1', no_proxy: 'a,.localhost' })?.status).toBe('ok')
})

test('report() is a line each, with what to do below', () => {
  expect(
    report([
      ok('names', 'all resolve'),
      warn('seal key', 'beside the data', 'move it'),
      fail('port', 'taken', 'a', 'b'),
    ]),
  ).toBe(
    [
      'ok    names     all resolve',
      'warn  seal key  beside the data',
      '                → move it',
      'fail  port      taken',
      '                → a',
      '                → b',
      'ok: 1, warn: 1, fail: 1',
      '',
    ].join('\n'),
  )
})

/** A loopback port that answers every request with that JSON. */
async function healthPort(answer: object) {
  const server = createServer((request, response) => {
    response.writeHead(request.url === '/health/ready' ? 200 : 404, { 'content-type': 'application/json' })
    response.end(JSON.stringify(answer))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
