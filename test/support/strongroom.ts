import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { OwnerFile } from '../../src/server/bootstrap.ts'
import { freePort } from './free-port.ts'

export const repository = join(import.meta.dirname, '../..')

/** A server of its own process, on a free port, with a folder of its own: what a user starts. */
export interface TestServer extends AsyncDisposable {
  readonly port: number
  readonly metricsPort: number
  readonly dataDir: string
  readonly caFile: string
  readonly owner: OwnerFile
  /** Of the process that runs now. */
  pid(): number
  /** Standard output and error so far. */
  output(): string
  /** `https://login.localhost:<port>` for `login`. */
  url(role: string): string
  /** Ends it with `signal` and waits until it is gone. */
  stop(signal?: NodeJS.Signals): Promise<number | null>
  /** Starts it again on the same folder and port. */
  start(): Promise<void>
}

export interface TestServerOptions {
  readonly args?: readonly string[]
  readonly environment?: Readonly<Record<string, string>>
  /** An existing data folder; it is then not removed. */
  readonly dataDir?: string
  readonly port?: number
  /** In front of `node`, for tests that trace or restrict the process. */
  readonly wrap?: readonly string[]
  /** Absolute path of what is run instead of the `strongroom` command, with the same arguments. */
  readonly entry?: string
}

export async function startStrongroom(options: TestServerOptions = {}): Promise<TestServer> {
  const folder = options.dataDir === undefined ? await mkdtemp(join(tmpdir(), 'strongroom-')) : null
  const dataDir = options.dataDir ?? join(folder ?? '', 'data')
  const port = options.port ?? (await freePort())
  const metricsPort = await freePort()
  let output = ''
  let child: ChildProcess | null = null

  async function start(): Promise<void> {
    const command = [
      ...(options.wrap ?? []),
      process.execPath,
      options.entry ?? join(repository, 'src/cli/main.ts'),
      'up',
      ...['--data', dataDir, '--listen', `127.0.0.1:${port}`, '--metrics-port', String(metricsPort)],
      ...(options.args ?? []),
    ]
    const [file = '', ...args] = command
    const started = spawn(file, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...options.environment },
    })
    child = started
    const ready = new Promise<void>((resolve, reject) => {
      const take = (chunk: Buffer) => {
        output += chunk.toString()
        if (/^ready /m.test(output.slice(before))) resolve()
      }
      const before = output.length
      started.stdout.on('data', take)
      started.stderr.on('data', take)
      started.once('exit', (code) =>
        reject(new Error(`the server ended with ${code}:\n${output.slice(before)}`)),
      )
    })
    await ready
  }

  async function stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<number | null> {
    const running = child
    if (running === null || running.exitCode !== null || running.signalCode !== null)
      return running?.exitCode ?? null
    const gone = new Promise<number | null>((resolve) => running.once('exit', (code) => resolve(code)))
    running.kill(signal)
    return gone
  }

  await start()
  const owner = JSON.parse(await readFile(join(dataDir, 'secrets/owner.json'), 'utf8')) as OwnerFile
  return {
    port,
    metricsPort,
    dataDir,
    caFile: join(dataDir, 'secrets/ca.pem'),
    owner,
    pid: () => child?.pid ?? 0,
    output: () => output,
    url: (role) => `https://${role}.localhost:${port}`,
    stop,
    start,
    async [Symbol.asyncDispose]() {
      await stop('SIGKILL')
      if (folder !== null) await rm(folder, { recursive: true, force: true })
    },
  }
}
