import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/**
 * The system calls that make something durable, or that give it the name it is found by: killed before each of them, a
 * process has done every step but that one. `pwrite` and its like are the pages of the databases' logs and the extents.
 */
export const durableCalls = [
  'fsync',
  'fdatasync',
  'rename',
  'renameat2',
  'link',
  'linkat',
  'unlink',
  'ftruncate',
] as const
export const writingCalls = ['pwrite64', 'pwritev', 'pwritev2'] as const

/** The nth call of that kind by one of the two threads that write: SQLite's and the only one of libuv's pool. */
export interface Step {
  readonly thread: 'main' | 'pool'
  readonly call: string
  /** From 1. strace counts each kind of call for itself, and so do we. */
  readonly nth: number
}

/** What a server to be traced runs with: one thread for files, so that their calls have one order. */
export const traceable = { UV_THREADPOOL_SIZE: '1' } as const

/** Notes the steps that a process takes from now on. */
export async function noteSteps(
  pid: number,
  calls: readonly string[],
): Promise<{ stop(): Promise<readonly Step[]> }> {
  const folder = await mkdtemp(join(tmpdir(), 'strace-'))
  const file = join(folder, 'out')
  const strace = await attach(['-f', '-o', file, '-e', `trace=${calls.join(',')}`, '-p', String(pid)])
  return {
    async stop() {
      await strace.detach()
      const lines = (await readFile(file, 'utf8')).split('\n')
      await rm(folder, { recursive: true })
      const counts = new Map<string, number>()
      return lines.flatMap((line) => {
        // The end of a call that another interrupted has `<... fsync resumed>` instead.
        const found = /^(\d+) +([a-z0-9]+)\(/.exec(line)
        if (found?.[1] === undefined || found[2] === undefined) return []
        const thread = Number(found[1]) === pid ? 'main' : 'pool'
        const nth = (counts.get(thread + found[2]) ?? 0) + 1
        counts.set(thread + found[2], nth)
        return [{ thread, call: found[2], nth } as const]
      })
    },
  }
}

export interface Trap {
  /** Resolves when the process has been killed, or stopped, at the step; or has ended by itself. */
  readonly sprung: Promise<void>
  readonly isSprung: () => boolean
  /** Takes the trap away again. */
  disarm(): Promise<void>
}

/**
 * KILL: kills the process as it enters that step, and the call does not happen. STOP: halts the whole of it right after the
 * call, for whoever wants to do something to the machine in between.
 */
export async function trap(
  pid: number,
  { thread, call, nth }: Step,
  signal: 'KILL' | 'STOP' = 'KILL',
): Promise<Trap> {
  const tid = thread === 'main' ? pid : await poolThread(pid)
  const inject = `inject=${call}:signal=${signal}:when=${nth}`
  const strace = await attach(['-e', `trace=${call}`, '-e', inject, '-p', String(tid)])
  return {
    sprung: Promise.race([strace.ended, strace.says(/stopped by SIGSTOP/)]),
    isSprung: () => /killed by SIGKILL|stopped by SIGSTOP/.test(strace.output()),
    disarm: () => strace.detach(),
  }
}

async function poolThread(pid: number): Promise<number> {
  for (const tid of await readdir(`/proc/${pid}/task`)) {
    if ((await readFile(`/proc/${pid}/task/${tid}/comm`, 'utf8')).trim() === 'libuv-worker')
      return Number(tid)
  }
  throw new Error(`process ${pid} has no thread for files yet`)
}

interface Strace {
  readonly ended: Promise<void>
  output(): string
  /** Resolves when it has written that. */
  says(text: RegExp): Promise<void>
  detach(): Promise<void>
}

async function attach(args: readonly string[]): Promise<Strace> {
  const child: ChildProcess = spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] })
  let output = ''
  child.stderr?.on('data', (chunk: Buffer) => (output += chunk.toString()))
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const says = (text: RegExp) =>
    new Promise<void>((resolve) => {
      const look = () => {
        if (text.test(output)) resolve()
      }
      child.stderr?.on('data', look)
      look()
    })
  await new Promise<void>((resolve, reject) => {
    child.once('error', reject)
    child.once('close', () => reject(new Error(`strace could not attach: ${output}`)))
    void says(/Process \d+ attached/).then(resolve)
  })
  return {
    ended,
    output: () => output,
    says,
    async detach() {
      child.kill('SIGINT')
      await ended
    },
  }
}
