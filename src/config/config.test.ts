import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { ConfigError, type OptionName, optionNames, readConfig } from './config.ts'

const variable = (name: OptionName) => `STRONGROOM_${name.replace(/[A-Z]/g, '_$&').toUpperCase()}`

const remoteVault = {
  url: 'https://Vault.Example:443/',
  loginUrl: 'https://login.example:8443',
  tenantId: '11111111-1111-4111-8111-11111111111A',
  caFile: 'ca.pem',
  identities: [{ identity: '/subscriptions/a', credentialFile: '/secrets/client.json' }],
}
const folder = await mkdtemp(join(tmpdir(), 'config-'))
const remoteVaultsFile = join(folder, 'remote-vaults.json')
await writeFile(remoteVaultsFile, JSON.stringify([remoteVault]))
afterAll(() => rm(folder, { recursive: true }))

function problems(
  flags: Partial<Record<OptionName, string>>,
  environment: NodeJS.ProcessEnv = {},
): readonly string[] {
  try {
    readConfig(flags, environment)
    return []
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return error.message.split('\n')
  }
}

test('nothing given is a server for this machine alone, with everything kept safe', () => {
  expect(readConfig({}, {})).toEqual({
    dataDir: resolve('data'),
    listenHost: '127.0.0.1',
    listenPort: 8443,
    domain: 'localhost',
    sealKeyFile: null,
    durability: 'full',
    limits: 'azure',
    certificate: null,
    metricsPort: 9464,
    identityEndpoint: null,
    remoteVaults: [],
    azurite: null,
    leaseMs: 5_000,
    shutdownMs: 30_000,
    logLevel: 'warn',
  })
})

test('every option can be a flag or a variable', () => {
  const values: Record<OptionName, string> = {
    data: '/srv/data',
    listen: '[::1]:443',
    domain: 'Cloud.Example',
    sealKey: '/keys/seal.key',
    durability: 'relaxed',
    limits: 'lifted',
    certificate: '/tls/chain.pem',
    privateKey: '/tls/key.pem',
    metricsPort: '0',
    azurite: '1,2,65535',
    remoteVaults: remoteVaultsFile,
    identityEndpoint: '9460=/subscriptions/a, 11111111-1111-4111-8111-111111111111',
    lease: '1.5',
    shutdown: '0',
    logLevel: 'silent',
  }
  const wanted = {
    dataDir: '/srv/data',
    listenHost: '::1',
    listenPort: 443,
    domain: 'cloud.example',
    sealKeyFile: '/keys/seal.key',
    durability: 'relaxed',
    limits: 'lifted',
    certificate: { certificateFile: '/tls/chain.pem', keyFile: '/tls/key.pem' },
    metricsPort: 0,
    azurite: { blob: 1, queue: 2, table: 65535 },
    remoteVaults: [
      {
        url: 'https://vault.example',
        loginUrl: 'https://login.example:8443',
        tenantId: '11111111-1111-4111-8111-11111111111a',
        caFile: join(folder, 'ca.pem'),
        identities: [{ identity: '/subscriptions/a', credentialFile: '/secrets/client.json' }],
      },
    ],
    identityEndpoint: {
      port: 9460,
      identities: ['/subscriptions/a', '11111111-1111-4111-8111-111111111111'],
    },
    leaseMs: 1_500,
    shutdownMs: 0,
    logLevel: 'silent',
  }
  expect(readConfig(values, {})).toEqual(wanted)
  expect(
    readConfig({}, Object.fromEntries(optionNames.map((name) => [variable(name), values[name]]))),
  ).toEqual(wanted)
})

test('a flag goes before its variable, and an empty variable is none', () => {
  expect(readConfig({ domain: 'flag.example' }, { STRONGROOM_DOMAIN: 'variable.example' }).domain).toBe(
    'flag.example',
  )
  expect(readConfig({}, { STRONGROOM_DOMAIN: '' }).domain).toBe('localhost')
})

test('paths are absolute, whatever folder comes next', () => {
  expect(readConfig({ data: 'somewhere', sealKey: './seal.key' }, {})).toMatchObject({
    dataDir: resolve('somewhere'),
    sealKeyFile: resolve('seal.key'),
  })
})

test('every problem is told at once, by the name it was given under', () => {
  const found = problems(
    { listen: 'localhost:8443', durability: 'mostly', lease: '0' },
    { STRONGROOM_METRICS_PORT: '70000', STRONGROOM_CERTIFICATE: '/c.pem' },
  )
  expect(found.map((line) => line.split(' ')[0])).toEqual([
    '--listen:',
    '--durability:',
    'STRONGROOM_METRICS_PORT:',
    '--lease:',
    '--certificate',
  ])
})

test.each([
  ['listen', 'localhost:8443'],
  ['listen', '127.0.0.1'],
  ['listen', '127.0.0.1:70000'],
  ['listen', '127.0.0.1:0'],
  ['listen', '1.2.3:80'],
  ['listen', '::1:80'],
  ['listen', '[::1]'],
  ['domain', 'a..b'],
  ['domain', '-a'],
  ['domain', 'a_b'],
  ['domain', '한.example'],
  ['domain', `${'a'.repeat(64)}.example`],
  ['domain', ''],
  ['data', ''],
  ['durability', 'FULL'],
  ['limits', ''],
  ['metricsPort', '-1'],
  ['metricsPort', '1.5'],
  ['metricsPort', '80a'],
  ['metricsPort', ''],
  ['metricsPort', ' '],
  ['metricsPort', '0x50'],
  ['azurite', '10000'],
  ['azurite', '1,2,65536'],
  ['azurite', '1,2,x'],
  ['identityEndpoint', '9460'],
  ['identityEndpoint', '9460='],
  ['identityEndpoint', '9460=a,,b'],
  ['identityEndpoint', '70000=a'],
  ['lease', '0.5'],
  ['lease', '301'],
  ['lease', 'Infinity'],
  ['lease', ''],
  ['shutdown', '-1'],
  ['shutdown', ''],
  ['logLevel', 'verbose'],
] as const)('--%s %j is one problem that says what to give', (name, value) => {
  const found = problems({ [name]: value })
  expect(found).toHaveLength(1)
  expect(found[0]).toMatch(
    new RegExp(`^--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}: give `),
  )
})

test('a certificate without its key, or the other way round, is a problem', () => {
  const line = '--certificate and --private-key go together: give both or none'
  expect(problems({ certificate: '/c.pem' })).toEqual([line])
  expect(problems({ privateKey: '/k.pem' })).toEqual([line])
})

test.each([
  ['STRONGROOM_SEALKEY', 'STRONGROOM_SEAL_KEY'],
  ['STRONGROOM_SEAL_KEYS', 'STRONGROOM_SEAL_KEY'],
  ['STRONGROOM_DURABLITY', 'STRONGROOM_DURABILITY'],
])('the variable %s is a problem, not a silent slip', (name, meant) => {
  expect(problems({}, { [name]: 'x' })).toEqual([`${name}: there is no such option; did you mean ${meant}?`])
})

test('a variable that only shares our prefix is somebody else’s', () => {
  expect(
    problems(
      {},
      { STRONGROOM_PORT: 'tcp://10.0.0.1:443', STRONGROOM_SERVICE_HOST: 'x', STRONGROOM_URL: 'y' },
    ),
  ).toEqual([])
})

test('readConfig() gives a whole configuration or names its problems, whatever is typed', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...optionNames), fc.string()), (flags) => {
      for (const line of problems(flags)) expect(line).toMatch(/^--[a-z-]+(: give | and )/)
    }),
  )
})

test.each<[string, unknown, string]>([
  ['a file that is no list', {}, 'it is no list'],
  ['an address without TLS', [{ ...remoteVault, url: 'http://vault.example' }], '0.url: give https://HOST'],
  [
    'an address with a path',
    [{ ...remoteVault, loginUrl: 'https://login.example/x' }],
    '0.loginUrl: give https',
  ],
  [
    'an address with a name in front',
    [{ ...remoteVault, url: 'https://a@vault.example' }],
    '0.url: give https',
  ],
  ['a tenant that is no GUID', [{ ...remoteVault, tenantId: 'contoso' }], '0.tenantId: give a GUID'],
  ['nobody to open keys', [{ ...remoteVault, identities: [] }], '0.identities: name an identity'],
  ['a secret in the file itself', [{ ...remoteVault, clientSecret: 's' }], '0: Unrecognized key'],
  ['one server twice', [remoteVault, remoteVault], 'two entries have one url'],
  ['this very server', [{ ...remoteVault, url: 'https://vault.localhost:8443' }], 'is this server'],
])('remote vaults: %s is refused', async (_, contents, problem) => {
  const file = join(folder, 'bad.json')
  await writeFile(file, JSON.stringify(contents))
  const found = problems({ remoteVaults: file })
  expect(found).toEqual([expect.stringContaining(problem)])
  expect(found[0]).toMatch(/^--remote-vaults: /)
})

test('remote vaults: a file that is not there, or no JSON, is told by its name, and nothing in it is', async () => {
  const file = join(folder, 'secret.json')
  expect(problems({ remoteVaults: file })).toEqual([
    `--remote-vaults: give a file that can be read, not "${file}"`,
  ])
  await writeFile(file, '[{ "password": "hunter2" ')
  expect(problems({ remoteVaults: file })).toEqual([`--remote-vaults: give a file of JSON, not "${file}"`])
})
