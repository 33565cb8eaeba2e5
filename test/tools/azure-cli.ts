import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, open, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { findExecutable, runCommand, type CommandResult } from './command.ts'
import { findPython, runAptGet } from './prerequisites.ts'

/**
 * The Azure CLI as the tests run it.
 *
 * `keyCommands` is `rest` for Debian 12's package: its `az keyvault key|secret|certificate` commands stop at an import
 * that the package lacks, against any server, so tests say the same with `az rest`.
 */
export interface AzureCli {
  readonly version: string
  readonly source: 'machine' | 'wheel' | 'debian'
  readonly keyCommands: 'native' | 'rest'
  /**
   * Makes `folder` ready to be AZURE_CONFIG_DIR. A fresh one sends a look-up of the newest version to Microsoft at
   * its first command, which no setting stops; a remembered answer does.
   */
  readonly prepareFolder: (folder: string) => Promise<void>
  /**
   * Runs `az` with `args`. `env` goes on top of our PATH and HOME and of `quietAzureEnvironment`, and must give
   * AZURE_CONFIG_DIR, REQUESTS_CA_BUNDLE and SSL_CERT_FILE. A code other than 0 is a result, not an error.
   */
  readonly run: (args: readonly string[], options: AzureCliRun) => Promise<CommandResult>
}

/** `timeoutMs` is 120 s when left out. */
export interface AzureCliRun {
  readonly env: Readonly<Record<string, string>>
  readonly timeoutMs?: number
  readonly input?: string
}

/**
 * Keeps every `az` from any host but ours: no telemetry, survey, "AI" hints, extension index or log file.
 *
 * The proxies are the belt to those braces: what is not under `localhost` goes to a port that nobody listens on, so it
 * fails at once and asks no name server. Override `http_proxy` to catch the instance metadata address.
 */
export const quietAzureEnvironment: Readonly<Record<string, string>> = {
  AZURE_CORE_COLLECT_TELEMETRY: 'no',
  AZURE_CORE_SURVEY_MESSAGE: 'no',
  AZURE_CORE_ERROR_RECOMMENDATION: 'off',
  AZURE_CORE_DISABLE_PROGRESS_BAR: 'yes',
  AZURE_CORE_LOGIN_EXPERIENCE_V2: 'off',
  AZURE_CORE_NO_COLOR: 'yes',
  AZURE_CORE_OUTPUT: 'json',
  AZURE_EXTENSION_USE_DYNAMIC_INSTALL: 'no',
  AZURE_LOGGING_ENABLE_LOG_FILE: 'no',
  PYTHONWARNINGS: 'ignore',
  http_proxy: 'http://127.0.0.1:9',
  https_proxy: 'http://127.0.0.1:9',
  no_proxy: 'localhost,127.0.0.1,::1',
}

const pinned = '2.91.0'
const cache = join(import.meta.dirname, '..', '..', '.cache')
const wheelFolder = join(cache, `azure-cli-${pinned}`)
const wheelPython = join(wheelFolder, 'bin', 'python')
// Run as a module: unlike the scripts in bin/, that goes on working when the repository is moved.
const wheelCommand = [wheelPython, '-I', '-m', 'azure.cli']

/**
 * Finds a usable `az`, bringing one when there is none: the wheel of an earlier run, else the machine's own when all
 * its command families work, else Microsoft's wheel in a virtual environment under `.cache`, else Debian's package
 * (which takes root).
 *
 * Safe to call from several processes at once: one installs, the others wait for it.
 */
export async function findAzureCli(
  say: (line: string) => void = console.log,
): Promise<AzureCli | { readonly missing: string }> {
  const installed = await findWheel()
  if (installed !== null) return installed
  const own = await probe('machine', findMachineAz())
  if (own?.keyCommands === 'native') return own
  const wheel = await findOrInstallWheel(say)
  if (!('missing' in wheel)) return wheel
  if (own !== null) return own
  const apt = findExecutable('apt-get')
  if (apt === null || process.getuid?.() !== 0) return wheel
  say(`az: ${wheel.missing}; bringing Debian's package instead`)
  await runAptGet(apt, ['update'], say)
  await runAptGet(apt, ['install', '-y', '--no-install-recommends', 'azure-cli'], say)
  return (await probe('debian', findMachineAz())) ?? wheel
}

async function findWheel(): Promise<AzureCli | null> {
  // A base interpreter that is gone shows as a dangling link.
  const isWhole = existsSync(wheelPython) && (await readOrNull(join(wheelFolder, 'complete'))) === pinned
  return isWhole ? makeAzureCli('wheel', wheelCommand, pinned, 'native') : null
}

async function findOrInstallWheel(
  say: (line: string) => void,
): Promise<AzureCli | { readonly missing: string }> {
  const unlock = await lock(`${wheelFolder}.lock`, say)
  try {
    const installed = await findWheel()
    if (installed !== null) return installed
    const failure = await installWheel(wheelFolder, say)
    if (failure !== null) return { missing: failure }
    const wheel = await probe('wheel', wheelCommand)
    if (wheel?.keyCommands !== 'native')
      return { missing: `azure-cli ${pinned} was installed but does not work` }
    await writeFile(join(wheelFolder, 'complete'), pinned)
    return wheel
  } finally {
    await unlock()
  }
}

/** Fills `folder`; its caller then writes the file `complete`: a folder without it is half-finished, and done anew. */
async function installWheel(folder: string, say: (line: string) => void): Promise<string | null> {
  const python = findPython()
  if (python === null) return 'no az, and no python3 with venv to install one'
  const started = performance.now()
  say(
    `az: installing Microsoft's azure-cli ${pinned} into ${folder} (once; about 730 MB, a minute or so) ...`,
  )
  await rm(folder, { recursive: true, force: true })
  const install = [
    'install',
    '--no-input',
    '--disable-pip-version-check',
    '--compile',
    '-q',
    `azure-cli==${pinned}`,
  ]
  for (const [file, args] of [
    [python, ['-m', 'venv', folder]],
    [join(folder, 'bin', 'python'), ['-m', 'pip', ...install]],
  ] as const) {
    const { code, stdout, stderr } = await runCommand(file, args, { timeoutMs: 20 * 60_000 })
    if (code !== 0) return `az: ${file} ${args.join(' ')}: exit ${code}\n${stdout}${stderr}`.trim()
  }
  say(`az: installed in ${((performance.now() - started) / 1000).toFixed(0)} s`)
  return null
}

function findMachineAz(): readonly string[] | null {
  const az = findExecutable('az')
  return az === null ? null : [az]
}

/**
 * Without a login each command stops with "az login", but only after its modules are loaded; a packaging fault shows
 * as a traceback before that. So an empty configuration folder tells what works, with no network and in about 1 s.
 */
async function probe(
  source: AzureCli['source'],
  command: readonly string[] | null,
): Promise<AzureCli | null> {
  if (command === null) return null
  const folder = await mkdtemp(join(tmpdir(), 'az-probe-'))
  try {
    const env = { AZURE_CONFIG_DIR: folder }
    const unknown = makeAzureCli(source, command, '0', 'rest')
    await unknown.prepareFolder(folder)
    const versions = await unknown.run(['version'], { env })
    const version = /"azure-cli": "([0-9.]+)"/.exec(versions.stdout)?.[1]
    if (versions.code !== 0 || version === undefined) return null
    const works = async (...args: readonly string[]) =>
      (await unknown.run(args, { env })).stderr.includes('az login')
    const groups = await Promise.all([
      works('group', 'list'),
      works('acr', 'list'),
      works('identity', 'list'),
    ])
    if (groups.includes(false)) return null
    const keys = await works('keyvault', 'key', 'list', '--vault-name', 'probe')
    return makeAzureCli(source, command, version, keys ? 'native' : 'rest')
  } catch {
    return null // It cannot even be started: as good as not there.
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

function makeAzureCli(
  source: AzureCli['source'],
  [file = 'az', ...before]: readonly string[],
  version: string,
  keyCommands: AzureCli['keyCommands'],
): AzureCli {
  const { PATH, HOME, TMPDIR } = process.env
  const base = { PATH, HOME, TMPDIR, LC_ALL: 'C.UTF-8', AZ_INSTALLER: 'PIP', ...quietAzureEnvironment }
  return {
    version,
    source,
    keyCommands,
    prepareFolder: async (folder) => {
      await mkdir(folder, { recursive: true })
      const local = { local: version }
      const versions = { 'azure-cli': local, core: local }
      // The form of Python's str(datetime); far in the future, so that it is never looked up again.
      const seen = { versions, update_time: '2999-01-01 00:00:00.000001' }
      await writeFile(join(folder, 'versionCheck.json'), JSON.stringify(seen))
    },
    run: (args, { env, ...options }) =>
      runCommand(file, [...before, ...args], { ...options, env: { ...base, ...env } }),
  }
}

/** Waits until no living process holds `file`, then holds it; the answer lets go of it. */
async function lock(file: string, say: (line: string) => void): Promise<() => Promise<void>> {
  await mkdir(cache, { recursive: true })
  for (let waited = 0; ; waited++) {
    try {
      const handle = await open(file, 'wx')
      await handle.writeFile(String(process.pid))
      await handle.close()
      return () => rm(file, { force: true })
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
    }
    const holder = await readOrNull(file)
    // An empty file is between its making and its first byte.
    if (holder !== null && holder !== '' && !isAlive(Number(holder))) await rm(file, { force: true })
    else if (waited === 1) say('az: waiting for another process that installs it')
    await sleep(500)
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

async function readOrNull(file: string): Promise<string | null> {
  return readFile(file, 'utf8').catch(() => null)
}

if (import.meta.main) {
  const found = await findAzureCli()
  if ('missing' in found) throw new Error(found.missing)
}
