import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { createAuthority } from '../crypto/certificate.ts'
import { prepare, shellText } from './env.ts'
import { secret, testInstallation } from './testing.ts'

const environment = {}

/** What the variables are in a shell that has evaluated the text. */
function evaluated(command: string, text: string, names: readonly string[]): readonly string[] {
  const script = `set -eu; ${command}; printf '%s\\0' ${names.map((name) => `"$${name}"`).join(' ')}`
  const said = execFileSync('sh', ['-c', script], { env: { PATH: process.env['PATH'], TEXT: text } })
  return said.toString('utf8').split('\0').slice(0, -1)
}

test.each(['data', 'it\'s $(touch pwned) `x` "my" data; #1'])(
  'a shell that evaluates the lines has what clients need, the secret too (folder %s)',
  async (name) => {
    await using at = await testInstallation(name, { port: 8443 })
    const text = shellText(await prepare(at.dataDir, environment))
    const names = [
      'AZURE_TENANT_ID',
      'AZURE_SUBSCRIPTION_ID',
      'AZURE_CLIENT_ID',
      'AZURE_CLIENT_SECRET',
      'AZURE_AUTHORITY_HOST',
      'SSL_CERT_FILE',
    ]
    expect(evaluated('eval "$TEXT"', text, names)).toEqual([
      at.owner.tenantId,
      at.owner.subscriptionId,
      at.owner.clientId,
      secret,
      'https://login.localhost:8443',
      join(at.dataDir, 'ca-bundle.pem'),
    ])
    expect(existsSync('pwned')).toBe(false)
  },
)

test('the lines survive an eval without quotes', async () => {
  await using at = await testInstallation()
  const text = shellText(await prepare(at.dataDir, environment))
  expect(evaluated('set -f; eval $TEXT', text, ['AZURE_CLIENT_ID', 'AZURE_CLIENT_SECRET'])).toEqual([
    at.owner.clientId,
    secret,
  ])
})

test('the secret is in nothing that is printed', async () => {
  await using at = await testInstallation()
  const setup = await prepare(at.dataDir, environment)
  expect(shellText(setup)).not.toContain('Sekr')
  expect(JSON.stringify(setup)).not.toContain('Sekr')
})

test('cloud.json is what az reads, for its owner alone', async () => {
  await using at = await testInstallation('data', { port: 8443 })
  const { cloudFile } = await prepare(at.dataDir, environment)
  expect((await stat(cloudFile)).mode & 0o777).toBe(0o600)
  expect(JSON.parse(await readFile(cloudFile, 'utf8'))).toEqual({
    endpoints: {
      resourceManager: 'https://management.localhost:8443/',
      management: 'https://management.localhost:8443/',
      activeDirectory: 'https://login.localhost:8443/adfs',
      activeDirectoryResourceId: 'https://management.localhost:8443/',
      activeDirectoryGraphResourceId: 'https://graph.localhost:8443/',
      microsoftGraphResourceId: 'https://graph.localhost:8443/',
      logAnalyticsResourceId: 'https://loganalytics.localhost:8443',
    },
    suffixes: {
      keyvaultDns: '.vault.localhost:8443',
      mhsmDns: '.managedhsm.localhost:8443',
      storageEndpoint: 'core.localhost:8443',
      acrLoginServerEndpoint: '.azurecr.localhost:8443',
    },
  })
})

test('on port 443 no name has a port', async () => {
  await using at = await testInstallation('data', { port: 443, domain: 'cloud.example' })
  const { cloudFile, variables } = await prepare(at.dataDir, environment)
  expect(await readFile(cloudFile, 'utf8')).not.toMatch(/:\d/)
  expect(variables['AZURE_AUTHORITY_HOST']).toBe('https://login.cloud.example')
})

test('the bundle is what was trusted and our CA, however often it is made', async () => {
  await using at = await testInstallation()
  const company = await createAuthority('Company', new Date())
  const own = join(at.dataDir, 'company.pem')
  await writeFile(own, company.certPem)
  const first = await prepare(at.dataDir, { SSL_CERT_FILE: own })
  const text = await readFile(first.caBundle ?? '', 'utf8')
  expect(text).toContain(company.certPem.trim())
  expect(text.endsWith(`${at.authority.certPem.trim()}\n`)).toBe(true)
  expect(text.match(/BEGIN CERTIFICATE/g)).toHaveLength(2)
  // A shell that has evaluated the lines names our own bundle: it is never the base of the next one.
  const again = await prepare(at.dataDir, { SSL_CERT_FILE: first.caBundle ?? '' })
  expect((await readFile(again.caBundle ?? '', 'utf8')).split(at.authority.certPem.trim())).toHaveLength(2)
})

test('a certificate of the operator changes nothing in what the shell trusts', async () => {
  await using at = await testInstallation('data', { caFile: null })
  const { variables, caBundle } = await prepare(at.dataDir, environment)
  expect(caBundle).toBeNull()
  expect(Object.keys(variables).filter((name) => !name.startsWith('AZURE'))).toEqual([])
  expect(existsSync(join(at.dataDir, 'ca-bundle.pem'))).toBe(false)
})

test('where a proxy is set our names go past it, and what went past it still does', async () => {
  await using at = await testInstallation()
  const { variables } = await prepare(at.dataDir, {
    HTTPS_PROXY: 'http://proxy:1',
    NO_PROXY: 'intranet, localhost',
  })
  expect(variables['NO_PROXY']).toBe('intranet,localhost,.localhost')
  expect(variables['no_proxy']).toBe(variables['NO_PROXY'])
  expect((await prepare(at.dataDir, { NO_PROXY: 'a' })).variables['NO_PROXY']).toBeUndefined()
})

test('without an installation the line says how to make one', async () => {
  await expect(prepare('/no/such/folder', environment)).rejects.toThrow(
    '/no/such/folder has no secrets/owner.json: start the server once with `npm start`, or name its folder with --data',
  )
})

test.each([
  ['no JSON', (text: string) => text.slice(0, -5)],
  ['a port too many', (text: string) => text.replace(/"port":\d+/, '"port":70000')],
  ['a tenant that is none', (text: string) => text.replace('11111111-', '"$(x)-')],
])('an owner file with %s is refused without its secret', async (_what, damage) => {
  await using at = await testInstallation()
  const path = join(at.dataDir, 'secrets', 'owner.json')
  await writeFile(path, damage(await readFile(path, 'utf8')))
  const error: unknown = await prepare(at.dataDir, environment).catch((thrown: unknown) => thrown)
  expect(String(error)).toBe(`CliError: ${path} is damaged: restore it from a backup`)
})
