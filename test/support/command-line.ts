import { join } from 'node:path'
import { type CommandResult, runCommand } from '../tools/command.ts'
import { repository } from './strongroom.ts'

/** `strongroom ...` as a process of its own. */
export function runStrongroom(...args: readonly string[]): Promise<CommandResult> {
  return runCommand(process.execPath, [join(repository, 'src/cli/main.ts'), ...args], { timeoutMs: 120_000 })
}
