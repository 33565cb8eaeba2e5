import { spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { constants as os } from 'node:os'
import { join } from 'node:path'

/** What a finished command left: `code` is 128 + the signal's number when a signal ended it. */
export interface CommandResult {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** `env` is the whole environment of the command; left out, it inherits ours. Without `input` there is no stdin. */
export interface CommandOptions {
  readonly env?: Readonly<Record<string, string | undefined>>
  readonly cwd?: string
  readonly input?: string | Uint8Array
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

/** Thrown when a command ran past its time limit; it and all that it started have been killed by then. */
export class CommandTimeout extends Error {
  override readonly name = 'CommandTimeout'
  readonly stdout: string
  readonly stderr: string

  constructor(what: string, timeoutMs: number, output: { readonly stdout: string; readonly stderr: string }) {
    super(`${what}: still running after ${timeoutMs} ms\n${output.stdout}${output.stderr}`.trim())
    this.stdout = output.stdout
    this.stderr = output.stderr
  }
}

/**
 * Runs one program, never through a shell, in a process group of its own.
 *
 * Past `timeoutMs` (default 120 s), or when `signal` fires, the whole group gets SIGKILL, so helpers that the
 * program forked end too. A code other than 0 is a result, not an error.
 *
 * @throws CommandTimeout, the signal's reason, or the spawn error (ENOENT) when there is no such program
 */
export async function runCommand(
  file: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandResult> {
  const { cwd, input, signal, timeoutMs = 120_000, env = process.env } = options
  signal?.throwIfAborted()
  const child = spawn(file, args, { cwd, env, detached: true, stdio: 'pipe' })
  const { promise: closed, resolve, reject } = Promise.withResolvers<number>()
  child.on('error', reject)
  child.on('close', (code, by) => resolve(code ?? 128 + os.signals[by ?? 'SIGKILL']))
  const stdout = collect(child.stdout)
  const stderr = collect(child.stderr)
  child.stdin.on('error', () => undefined) // EPIPE: the program did not want its input
  child.stdin.end(input)

  let stop: 'timeout' | 'abort' | undefined
  const kill = (why: 'timeout' | 'abort') => {
    stop ??= why
    killGroup(child.pid)
  }
  const timer = setTimeout(kill, timeoutMs, 'timeout')
  const onAbort = () => kill('abort')
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    const code = await closed
    if (stop === 'abort') signal?.throwIfAborted()
    const output = { stdout: stdout(), stderr: stderr() }
    if (stop === 'timeout') throw new CommandTimeout([file, ...args].join(' '), timeoutMs, output)
    return { code, ...output }
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', onAbort)
  }
}

/** As `runCommand`, for a command that has to work: its stdout, or an error that shows both its outputs. */
export async function runToEnd(
  file: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  const { code, stdout, stderr } = await runCommand(file, args, options)
  if (code !== 0) throw new Error(`${[file, ...args].join(' ')}: exit ${code}\n${stdout}${stderr}`.trim())
  return stdout
}

/** Full path of a program, or null. Looks in the sbin folders too, which a plain user's PATH leaves out. */
export function findExecutable(name: string, first: readonly string[] = []): string | null {
  const path = (process.env['PATH'] ?? '').split(':').filter((folder) => folder !== '')
  for (const folder of [...first, ...path, '/usr/local/sbin', '/usr/sbin', '/sbin']) {
    const file = join(folder, name)
    try {
      accessSync(file, constants.X_OK)
      return file
    } catch {
      // Not in this folder: the next one may have it.
    }
  }
  return null
}

/** Kills every process of the group that `pid` leads; one that is gone already is no error. */
export function killGroup(pid: number | undefined, signal: NodeJS.Signals = 'SIGKILL'): void {
  if (pid === undefined) return
  try {
    process.kill(-pid, signal)
  } catch {
    // ESRCH: all of them have ended.
  }
}

function collect(stream: NodeJS.ReadableStream): () => string {
  const chunks: Uint8Array[] = []
  stream.on('data', (chunk: Uint8Array) => chunks.push(chunk))
  return () => Buffer.concat(chunks).toString('utf8')
}
