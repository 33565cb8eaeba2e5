import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { ConfigError } from '../config/config.ts'
import { DataFolderError } from '../store/data-folder-error.ts'
import { CliError, endingOf } from './cli-error.ts'
import { testInstallation } from './testing.ts'

const main = join(import.meta.dirname, 'main.ts')

function strongroom(args: readonly string[], nodeArgs: readonly string[] = []) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...nodeArgs, main, ...args], {
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], STRONGROOM_METRICS_PORT: '1' },
  })
  return { status, stdout, stderr }
}

test('help and version are 0, a command typed wrongly is 2', () => {
  const help = strongroom(['--help'])
  expect(help.status).toBe(0)
  for (const command of ['up', 'env', 'trust', 'doctor']) expect(help.stdout).toContain(`\n  ${command} `)
  expect(strongroom(['--version'])).toMatchObject({ status: 0, stderr: '' })
  expect(strongroom(['frobnicate'])).toMatchObject({ status: 2, stdout: '' })
  expect(strongroom(['env', '--frobnicate']).status).toBe(2)
  expect(strongroom(['up', '--listen', 'nowhere', '--lease', 'x'])).toMatchObject({ status: 2, stdout: '' })
})

test('what stands in the way is one line on standard error, and 1', () => {
  const { status, stdout, stderr } = strongroom(['env', '--data', '/no/such/folder'])
  expect([status, stdout]).toEqual([1, ''])
  expect(stderr).toMatch(/^strongroom: \/no\/such\/folder has no secrets\/owner.json: .*\n$/)
})

test('env prints shell lines, and an object with --json', async () => {
  await using at = await testInstallation()
  expect(strongroom(['env', '--data', at.dataDir])).toMatchObject({ status: 0, stderr: '' })
  const { stdout } = strongroom(['env', '--json', '--data', at.dataDir])
  expect(JSON.parse(stdout)).toMatchObject({ variables: { AZURE_CLIENT_ID: at.owner.clientId } })
})

test('doctor is 1 when something fails, with the findings as a table or JSON', async () => {
  await using at = await testInstallation()
  const table = strongroom(['doctor', '--data', at.dataDir])
  expect([table.status, table.stderr]).toEqual([1, ''])
  expect(table.stdout).toMatch(/^fail {2}trust /m)
  const json = strongroom(['doctor', '--json', '--data', at.dataDir])
  expect(JSON.parse(json.stdout)).toMatchObject({ ok: false })
})

test('another Node is told which one is needed, and how to get it', () => {
  const older =
    'Object.defineProperty(process, "versions", { value: { ...process.versions, node: "24.1.0" } })'
  const { status, stderr } = strongroom(
    ['env'],
    ['--import', `data:text/javascript,${encodeURIComponent(older)}`],
  )
  expect(status).toBe(1)
  expect(stderr).toMatch(/^strongroom: this is Node 24.1.0, and Node 26 is needed. .*npm ci.*npm start.*\n$/)
})

test.each([
  [new CliError('do that'), 1, ['do that']],
  [new DataFolderError('in use'), 1, ['in use']],
  [new ConfigError('--a: no\n--b: no'), 2, ['--a: no', '--b: no']],
  [
    Object.assign(new Error('listen EADDRINUSE'), { code: 'EADDRINUSE', syscall: 'listen', port: 8443 }),
    1,
    [
      'port 8443 is in use by another process: stop that one, or choose another port with --listen or --metrics-port',
    ],
  ],
  [
    Object.assign(new Error('x'), { code: 'EACCES', syscall: 'listen', port: 443 }),
    1,
    ['port 443 may not be used by this user: choose one above 1023 with --listen'],
  ],
  [
    Object.assign(new Error('x'), { code: 'ENOENT', syscall: 'open', path: '/c.pem' }),
    1,
    ['/c.pem: there is no such file; check the name'],
  ],
  [
    new TypeError('undefined is not a function'),
    1,
    [
      'this should not have happened: TypeError: undefined is not a function; STRONGROOM_LOG_LEVEL=debug tells where',
    ],
  ],
])('endingOf(%s) is %i and says what to do', (error, exitCode, lines) => {
  expect(endingOf(error, false)).toEqual({ exitCode, lines })
})

test('endingOf() tells where a bug is only when asked', () => {
  const [line, detail] = endingOf(new TypeError('x'), true).lines
  expect(line).toContain('TypeError: x')
  expect(detail).toContain('program.test.ts')
})
