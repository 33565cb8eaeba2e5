import { spawn, type ChildProcess } from 'node:child_process'
import { open, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { findExecutable, killGroup, runCommand, runToEnd, type CommandResult } from './command.ts'
import { buildOciImage, writeTar, type LayerFile } from './oci-layout.ts'

/** A private Docker daemon with its client; disposing of it stops the daemon and removes its folder. */
export interface DockerEngine extends AsyncDisposable {
  /** Runs the client against this daemon, with credentials kept in the engine's folder only. */
  readonly docker: (args: readonly string[], options?: DockerRun) => Promise<CommandResult>
  /** The daemon's own log so far, for a failing test to show. */
  readonly log: () => Promise<string>
  /** DOCKER_HOST and DOCKER_CONFIG, for other programs that call `docker`, such as `az acr login`. */
  readonly environment: Readonly<Record<string, string>>
}

/** `timeoutMs` is 120 s when left out. */
export interface DockerRun {
  readonly input?: string | Uint8Array
  readonly timeoutMs?: number
}

/** `folder` must be the engine's own, with a path of at most 80 bytes, as it holds a socket. */
export interface DockerEngineSettings {
  readonly folder: string
  /** PEM file with the CA that registries under names of ours are signed by. */
  readonly caFile: string
}

/** Why no daemon can run on this machine, or null. */
export function whyNoDockerEngine(): string | null {
  if (process.platform !== 'linux') return 'dockerd takes Linux'
  if (process.getuid?.() !== 0) return 'dockerd takes root'
  if (findExecutable('dockerd') === null) return 'no dockerd on this machine'
  return findExecutable('docker', ['/usr/bin']) === null ? 'no docker client on this machine' : null
}

/**
 * Starts a daemon of its own in `folder`, beside any other: no bridge and no firewall rules (so containers run with
 * `--network none` or `host`). Outside the folder containerd makes only empty ones, in /run and /opt/containerd.
 *
 * The CA is trusted through SSL_CERT_FILE of the daemon alone. NOTE: dockerd up to 20.10 counts every registry whose name
 * resolves to 127.0.0.0/8 as insecure: it uses TLS there, but verifies no certificate and would fall back to HTTP.
 *
 * @throws Error with the daemon's log when it is not up within 30 s
 */
export async function startDockerEngine(settings: DockerEngineSettings): Promise<DockerEngine> {
  const missing = whyNoDockerEngine()
  if (missing !== null) throw new Error(missing)
  const dockerd = findExecutable('dockerd') ?? 'dockerd'
  const client = findExecutable('docker', ['/usr/bin']) ?? 'docker'
  const { folder, caFile } = settings
  const config = join(folder, 'client')
  const socket = `unix://${join(folder, 'docker.sock')}`
  await mkdir(config, { recursive: true })
  await writeFile(join(folder, 'daemon.json'), JSON.stringify(await daemonConfig(dockerd, folder)))
  const logFile = join(folder, 'dockerd.log')
  const sink = await open(logFile, 'a')
  // Only what is below: a user's proxy or DOCKER_* settings must not reach it.
  const path = `${process.env['PATH'] ?? ''}:/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin`
  // In a mount namespace of its own, so that its mounts end with it, and ending when we do, however that happens.
  const wrapped = ['--mount', 'setpriv', '--pdeathsig', 'TERM', dockerd, ...daemonFlags(folder, socket)]
  const child = spawn('unshare', wrapped, {
    cwd: folder,
    detached: true,
    env: { PATH: path, HOME: folder, SSL_CERT_FILE: caFile },
    stdio: ['ignore', sink.fd, sink.fd],
  })
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
    child.once('error', () => resolve())
  })
  await sink.close()

  const environment = { DOCKER_HOST: socket, DOCKER_CONFIG: config }
  const env = { PATH: path, HOME: folder, SSL_CERT_FILE: caFile, ...environment }
  const log = () => readFile(logFile, 'utf8')
  const engine: DockerEngine = {
    docker: (args, options) => runCommand(client, args, { ...options, env }),
    log,
    environment,
    async [Symbol.asyncDispose]() {
      await stop(child, ended)
      await rm(folder, { recursive: true, force: true, maxRetries: 5 })
    },
  }
  try {
    await waitUntilUp(engine, child)
    return engine
  } catch (cause) {
    const said = await log()
    await engine[Symbol.asyncDispose]()
    throw new Error(`dockerd did not come up:\n${said.slice(-4000)}`, { cause })
  }
}

/**
 * Puts a small image that runs here into the daemon, without registry or network, in two layers: this machine's `cat`
 * with its libraries, and `files`. `docker run --rm --network none REFERENCE PATH...` prints files of it.
 */
export async function loadScratchImage(
  engine: DockerEngine,
  reference: string,
  files: readonly LayerFile[],
): Promise<void> {
  const image = buildOciImage({ layers: [await readCat(), files], entrypoint: ['/bin/cat'] })
  const names = {
    Config: 'config.json',
    RepoTags: [reference],
    Layers: image.layers.map((_, at) => `${at}.tar.gz`),
  }
  const archive = writeTar([
    { path: 'manifest.json', bytes: Buffer.from(JSON.stringify([names])) },
    { path: 'config.json', bytes: image.config.bytes },
    ...image.layers.map(({ bytes }, at) => ({ path: `${at}.tar.gz`, bytes })),
  ])
  const { code, stderr } = await engine.docker(['load', '-q'], { input: archive })
  if (code !== 0) throw new Error(`docker load: ${stderr}`)
}

/** Old daemons write a key under /etc unless told another place, by a setting that newer ones refuse. */
async function daemonConfig(dockerd: string, folder: string): Promise<Readonly<Record<string, string>>> {
  const [, major = '99'] = /version (\d+)/.exec(await runToEnd(dockerd, ['--version'])) ?? []
  return Number(major) <= 20 ? { 'deprecated-key-path': join(folder, 'key.json') } : {}
}

function daemonFlags(folder: string, socket: string): readonly string[] {
  const own = [
    '--data-root',
    join(folder, 'data'),
    '--exec-root',
    join(folder, 'exec'),
    '-p',
    join(folder, 'pid'),
  ]
  const network = ['--bridge=none', '--iptables=false', '--ip6tables=false', '--ip-forward=false']
  const rest = ['--exec-opt', 'native.cgroupdriver=cgroupfs']
  return ['-H', socket, '--config-file', join(folder, 'daemon.json'), ...own, ...network, ...rest]
}

async function waitUntilUp(engine: DockerEngine, child: ChildProcess): Promise<void> {
  const until = performance.now() + 30_000
  for (;;) {
    const { code, stderr } = await engine.docker(['version', '--format', '{{.Server.Version}}'])
    if (code === 0) return
    const isOver = child.exitCode !== null || child.signalCode !== null || child.pid === undefined
    if (isOver || performance.now() > until) throw new Error(stderr)
    await sleep(100)
  }
}

/** SIGTERM lets it stop its containers and its containerd; what is left after 15 s is killed. */
async function stop(child: ChildProcess, ended: Promise<void>): Promise<void> {
  if (child.pid === undefined) return
  child.kill('SIGTERM')
  const timer = setTimeout(killGroup, 15_000, child.pid)
  await ended
  clearTimeout(timer)
  killGroup(child.pid)
}

async function readCat(): Promise<readonly LayerFile[]> {
  const listed = await runToEnd('ldd', ['/bin/cat'])
  const libraries = [...listed.matchAll(/\/\S+(?= \(0x)/g)].map(([path]) => path)
  const paths = ['/bin/cat', ...libraries]
  return Promise.all(
    paths.map(async (path) => ({ path: path.slice(1), bytes: await readFile(path), mode: 0o755 })),
  )
}
