import { spawn } from 'node:child_process'
import { chmod, copyFile, mkdir, rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { CliError } from '../cli-error.ts'
import { shellLine } from '../shell.ts'
import type { Step } from './store.ts'

/** The step as a line that a person can paste. */
export function describeStep(step: Step): string {
  if (step.kind === 'copy') return shellLine(['install', '-D', '-m', '644', step.from, step.to])
  if (step.kind === 'delete') return shellLine(['rm', '-f', step.path])
  return shellLine(step.command)
}

/** @throws CliError when a command fails, with what it said */
export async function perform(step: Step): Promise<void> {
  if (step.kind === 'run') return runCommand(step.command)
  if (step.kind === 'delete') return rm(step.path, { force: true })
  await mkdir(dirname(step.to), { recursive: true, mode: 0o755 })
  await copyFile(step.from, step.to)
  // The copy of a secret folder's file comes with mode 0600, and everyone on the machine is to read it.
  await chmod(step.to, 0o644)
}

async function runCommand(command: readonly [string, ...string[]]): Promise<void> {
  const [file, ...args] = command
  const said: Buffer[] = []
  const code = await new Promise<number | null>((resolve, reject) => {
    const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    child.stdout.on('data', (part: Buffer) => said.push(part))
    child.stderr.on('data', (part: Buffer) => said.push(part))
    child.on('error', (cause) =>
      reject(new CliError(`${file} cannot be run: install it, then try again`, { cause })),
    )
    child.on('close', resolve)
  })
  if (code === 0) return
  throw new CliError(
    `${shellLine(command)} failed (${code ?? 'killed'}): ${Buffer.concat(said).toString('utf8').trim()}`,
  )
}
