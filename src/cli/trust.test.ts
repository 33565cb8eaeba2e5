import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { testInstallation } from './testing.ts'
import { carryOut, planTrust } from './trust.ts'
import { describeStep } from './trust/perform.ts'

const add = { registries: [], isRemoval: false }

/** A root folder with what a machine of that kind has. */
async function machine(folder: string) {
  const root = await mkdtemp(join(tmpdir(), 'strongroom-root-'))
  await mkdir(join(root, folder), { recursive: true })
  return {
    platform: 'linux' as const,
    root,
    [Symbol.asyncDispose]: () => rm(root, { recursive: true }),
  }
}

test.each([
  ['/usr/local/share/ca-certificates', 'update-ca-certificates', 'update-ca-certificates --fresh'],
  ['/etc/pki/ca-trust/source/anchors', 'update-ca-trust extract', 'update-ca-trust extract'],
  ['/etc/pki/trust/anchors', 'update-ca-certificates', 'update-ca-certificates'],
  ['/etc/ca-certificates/trust-source/anchors', 'update-ca-trust', 'update-ca-trust'],
])(
  'a machine with %s is told of the CA there, and rid of it again',
  async (folder, refresh, refreshAfter) => {
    await using at = await testInstallation()
    await using here = await machine(folder)
    const path = join(here.root, folder, 'strongroom-localhost.crt')
    expect((await planTrust(here, at.dataDir, add)).map(describeStep)).toEqual([
      `install -D -m 644 ${at.owner.caFile} ${path}`,
      refresh,
    ])
    const removal = await planTrust(here, at.dataDir, { ...add, isRemoval: true })
    expect(removal.map(describeStep)).toEqual([`rm -f ${path}`, refreshAfter])
  },
)

test('macOS is told through its keychain', async () => {
  await using at = await testInstallation()
  const [step] = await planTrust({ platform: 'darwin', root: '/' }, at.dataDir, add)
  expect(step && describeStep(step)).toBe(
    `security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain ${at.owner.caFile}`,
  )
})

test('each registry named is trusted by Docker, by host and port', async () => {
  await using at = await testInstallation('data', { port: 8443 })
  await using here = await machine('/usr/local/share/ca-certificates')
  const steps = await planTrust(here, at.dataDir, { registries: ['first1', 'Second2'], isRemoval: false })
  const docker = steps.filter((step) => step.kind === 'copy').slice(1)
  expect(docker.map(({ to }) => to)).toEqual(
    ['first1', 'second2'].map((name) =>
      join(here.root, `etc/docker/certs.d/${name}.azurecr.localhost:8443/ca.crt`),
    ),
  )
  await carryOut(docker, { isRoot: true, isDryRun: false }, () => undefined)
  for (const { to } of docker) {
    expect(await readFile(to, 'utf8')).toBe(at.authority.certPem)
    expect((await stat(to)).mode & 0o777).toBe(0o644)
  }
  const removal = await planTrust(here, at.dataDir, { registries: ['first1', 'Second2'], isRemoval: true })
  await carryOut(
    removal.filter(({ kind }) => kind === 'delete'),
    { isRoot: true, isDryRun: false },
    () => undefined,
  )
  for (const { to } of docker) expect(existsSync(to)).toBe(false)
})

test.each(['../../../etc', 'a/b/c/d', 'reg.azurecr.localhost', 'four', '', 'x'.repeat(51)])(
  'the registry name %j never becomes a path',
  async (name) => {
    await using at = await testInstallation()
    await using here = await machine('/usr/local/share/ca-certificates')
    await expect(planTrust(here, at.dataDir, { registries: [name], isRemoval: false })).rejects.toThrow(
      'is no registry name',
    )
  },
)

test('a machine with an unknown store, an own certificate and a missing CA are each said', async () => {
  await using at = await testInstallation()
  await using here = await machine('/etc')
  await expect(planTrust(here, at.dataDir, add)).rejects.toThrow(`add ${at.owner.caFile} to it by hand`)
  await using own = await testInstallation('data', { caFile: null })
  await expect(planTrust(here, own.dataDir, add)).rejects.toThrow('a certificate of your own')
  await rm(at.owner.caFile ?? '')
  await expect(planTrust(here, at.dataDir, add)).rejects.toThrow('cannot be read: start the server')
})

test('who is not root, or only asks, sees the lines and nothing is done', async () => {
  await using at = await testInstallation()
  await using here = await machine('/usr/local/share/ca-certificates')
  const steps = await planTrust(here, at.dataDir, add)
  const said: string[] = []
  await expect(
    carryOut(steps, { isRoot: false, isDryRun: false }, (line) => said.push(line)),
  ).rejects.toThrow('it takes root')
  await carryOut(steps, { isRoot: true, isDryRun: true }, (line) => said.push(line))
  expect(said).toEqual([...steps, ...steps].map(describeStep))
  expect(existsSync(join(here.root, 'usr/local/share/ca-certificates/strongroom-localhost.crt'))).toBe(false)
})

test('a command that fails, or is not there, is said with its words', async () => {
  const run = (...command: [string, ...string[]]) =>
    carryOut([{ kind: 'run', command }], { isRoot: true, isDryRun: false }, () => undefined)
  await expect(run('sh', '-c', 'echo the store is locked >&2; exit 3')).rejects.toThrow(
    'failed (3): the store is locked',
  )
  await expect(run('no-such-command')).rejects.toThrow('no-such-command cannot be run: install it')
})
