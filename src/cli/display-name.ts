import { CliError } from './cli-error.ts'

const MAX_NAME_LENGTH = 200

/** @throws CliError */
export function assertDisplayName(name: string): void {
  if (name.trim() === '' || name.length > MAX_NAME_LENGTH)
    throw new CliError(`give it a name of 1 to ${MAX_NAME_LENGTH} characters`)
}
