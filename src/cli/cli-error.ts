import { CommanderError } from 'commander'
import { ConfigError } from '../config/config.ts'
import { describeError } from '../observe/log.ts'
import { DataFolderError } from '../store/data-folder-error.ts'

/** What stands in a command's way and what to do next: one line, fit to be printed as it is. */
export class CliError extends Error {
  override readonly name = 'CliError'
}

const USAGE_EXIT_CODE = 2

/** How a failed command ends. `lines` is empty when everything has been said. */
export interface Ending {
  readonly exitCode: number
  readonly lines: readonly string[]
}

/** Total: 1 for what stands in the way, 2 for a command that was typed wrongly. */
export function endingOf(error: unknown, isVerbose: boolean): Ending {
  // Commander has written its own line; help and version come this way too, with 0.
  if (error instanceof CommanderError)
    return { exitCode: error.exitCode === 0 ? 0 : USAGE_EXIT_CODE, lines: [] }
  if (error instanceof ConfigError) return { exitCode: USAGE_EXIT_CODE, lines: error.message.split('\n') }
  if (error instanceof CliError || error instanceof DataFolderError)
    return { exitCode: 1, lines: [error.message] }
  const known = systemError(error)
  if (known !== null) return { exitCode: 1, lines: [known] }
  const text = error instanceof Error ? `${error.name}: ${error.message}` : 'an error without a message'
  const detail = isVerbose ? [JSON.stringify(describeError(error))] : []
  return {
    exitCode: 1,
    lines: [`this should not have happened: ${text}; STRONGROOM_LOG_LEVEL=debug tells where`, ...detail],
  }
}

interface SystemError extends Error {
  readonly code: string
  readonly syscall?: string
  readonly port?: number
  readonly address?: string
  readonly path?: string
}

function systemError(error: unknown): string | null {
  if (!isSystemError(error)) return null
  const { code, port, address, path } = error
  if (code === 'EADDRINUSE')
    return `port ${port} is in use by another process: stop that one, or choose another port with --listen or --metrics-port`
  if (code === 'EADDRNOTAVAIL')
    return `${address} is no address of this machine: choose another with --listen`
  if (code === 'EACCES' && error.syscall === 'listen')
    return `port ${port} may not be used by this user: choose one above 1023 with --listen`
  return path === undefined ? null : `${path}: ${pathTroubles[code] ?? `cannot be used (${code})`}`
}

const pathTroubles: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file; check the name',
  EACCES: 'this user may not read or write it; see to its owner and mode',
  EPERM: 'this user may not do that; see to its owner and mode',
  EISDIR: 'this is a folder; name a file in it',
  ENOTDIR: 'one of its folders is a file; check the name',
  ENOSPC: 'the disk is full; make room',
  EROFS: 'the disk is read-only; choose another',
}

function isSystemError(error: unknown): error is SystemError {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && 'syscall' in error
}
