import { spawn } from 'node:child_process'
import { existsSync, readFileSync, realpathSync } from 'node:fs'
import { findExecutable, runCommand } from './command.ts'

/** One thing the machine must have: how to see that it is there, and the Debian packages that bring it. */
export interface Prerequisite {
  readonly name: string
  readonly packages: readonly string[]
  /** Looks at files only: quick, and no network. */
  readonly isThere: () => boolean
}

const program = (name: string, ...packages: readonly string[]): Prerequisite => ({
  name,
  packages,
  isThere: () => findExecutable(name) !== null,
})

/**
 * What `npm test` needs besides Node.
 *
 * Things are looked for, not packages, so that another source of the same program is as good. docker.io may start
 * its own daemon where a service manager runs; the tests use a private one beside it.
 */
export const testPrerequisites: readonly Prerequisite[] = [
  program('skopeo', 'skopeo'),
  program('buildah', 'buildah'),
  program('dockerd', 'docker.io'),
  // Debian 12 has the client in docker.io, Debian 13 in a package of its own.
  program('docker', 'docker.io', 'docker-cli'),
  program('rclone', 'rclone'),
  // Kills a server between two steps.
  program('strace', 'strace'),
  {
    name: "Debian's Python SDK of Blob Storage",
    packages: ['python3-azure-storage'],
    isThere: () => existsSync('/usr/lib/python3/dist-packages/azure/storage/blob/__init__.py'),
  },
  {
    name: 'a library that azcopy is linked with',
    packages: ['libsecret-1-0'],
    isThere: () =>
      ['x86_64', 'aarch64'].some((cpu) => existsSync(`/usr/lib/${cpu}-linux-gnu/libsecret-1.so.0`)),
  },
  {
    name: 'names under .localhost',
    packages: ['libnss-myhostname'],
    isThere: () => /^hosts:.*\b(myhostname|resolve)\b/m.test(readOrEmpty('/etc/nsswitch.conf')),
  },
  {
    name: 'python3 -m venv',
    packages: ['python3-venv'],
    isThere: () => findPython() !== null,
  },
]

/**
 * What only the bench needs. Apart from the tests' list because docker-registry listens on port 5000 as soon as it is
 * installed where a service manager runs.
 */
export const benchPrerequisites: readonly Prerequisite[] = [program('docker-registry', 'docker-registry')]

/** The interpreter that can make virtual environments: Debian's own first, as python3-venv belongs to that one. */
export function findPython(): string | null {
  const python = findExecutable('python3', ['/usr/bin'])
  if (python !== '/usr/bin/python3') return python
  const version = /python(3\.\d+)$/.exec(realpathSync(python))?.[1]
  if (version !== undefined && existsSync(`/usr/lib/python${version}/ensurepip/__init__.py`)) return python
  const other = findExecutable('python3')
  return other === python ? null : other
}

/**
 * Brings what is missing with apt-get when root on a Debian-like machine.
 *
 * @returns the lines to show a person when something is still missing; empty when everything is there
 */
export async function bringPrerequisites(
  wanted: readonly Prerequisite[],
  say: (line: string) => void,
): Promise<readonly string[]> {
  const missing = wanted.filter((one) => !one.isThere())
  if (missing.length === 0) return []
  const names = missing.map((one) => one.name).join(', ')
  const apt = findExecutable('apt-get')
  if (apt === null)
    return [`missing: ${names}`, 'this is not a Debian machine: install them its own way, then try again']
  const packages = await servedPackages(missing)
  const line = `apt-get update && apt-get install -y --no-install-recommends ${packages.join(' ')}`
  if (process.getuid?.() !== 0) return [`missing: ${names}`, 'type as root:', `  ${line}`]

  say(`missing: ${names}`)
  await runAptGet(apt, ['update'], say)
  await runAptGet(apt, ['install', '-y', '--no-install-recommends', ...(await servedPackages(missing))], say)
  const still = missing.filter((one) => !one.isThere()).map((one) => one.name)
  return still.length === 0
    ? []
    : [`still missing: ${still.join(', ')}`, 'type as root and read what it says:', `  ${line}`]
}

/** Of the packages that may bring a thing, those which this machine's release knows; the first when none is known. */
async function servedPackages(missing: readonly Prerequisite[]): Promise<readonly string[]> {
  const all = [...new Set(missing.flatMap((one) => one.packages))]
  const known = await runCommand('apt-cache', ['pkgnames']).catch(() => null)
  const names = new Set(known?.stdout.split('\n'))
  const served = all.filter((name) => names.has(name))
  return missing.every((one) => one.packages.some((name) => served.includes(name)))
    ? served
    : [...new Set(missing.flatMap((one) => one.packages.slice(0, 1)))]
}

/** Runs apt-get, with one line of result; a failure shows all it said. */
export async function runAptGet(
  apt: string,
  args: readonly string[],
  say: (line: string) => void,
): Promise<boolean> {
  const started = performance.now()
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', LC_ALL: 'C.UTF-8' }
  const child = spawn(apt, ['-q', '-o', 'DPkg::Lock::Timeout=300', ...args], {
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (text: string) => (output += text))
  }
  const code = await new Promise<number>((resolve) => {
    child.on('error', () => resolve(127))
    child.on('close', (exit) => resolve(exit ?? 1))
  })
  const what = `apt-get ${args.filter((arg) => !arg.startsWith('-')).join(' ')}`
  say(
    `${what}: ${code === 0 ? 'done' : `failed (${code})`} in ${((performance.now() - started) / 1000).toFixed(1)} s`,
  )
  if (code !== 0) say(output.trim())
  return code === 0
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return '' // No such file: nothing is configured there.
  }
}

if (import.meta.main) {
  const wanted = process.argv.includes('--bench')
    ? [...testPrerequisites, ...benchPrerequisites]
    : testPrerequisites
  const say = (line: string) => console.log(`prerequisites: ${line}`)
  const problems = await bringPrerequisites(wanted, say)
  for (const line of problems) say(line)
  if (problems.length === 0) say(`all there (${wanted.map((one) => one.name).join(', ')})`)
  process.exitCode = problems.length === 0 ? 0 : 1
}
