import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import type { OwnerFile } from '../server/bootstrap.ts'
import { CliError } from './cli-error.ts'

const schema = z.object({
  tenantId: z.guid(),
  subscriptionId: z.guid(),
  clientId: z.guid(),
  clientSecret: z.string().min(1),
  domain: z.string().min(1),
  port: z.int().min(1).max(65_535),
  caFile: z.string().min(1).nullable(),
})

export function ownerPath(dataDir: string): string {
  return join(dataDir, 'secrets', 'owner.json')
}

/**
 * What `up` wrote at its last start, or `tenant create` into a file of its own.
 * @throws CliError saying what to do when it is not there or not whole
 */
export async function readOwnerFile(dataDir: string, path = ownerPath(dataDir)): Promise<OwnerFile> {
  const text = await readOrExplain(path, dataDir)
  const parsed = schema.safeParse(parseOrNull(text))
  // The parser's message may repeat the secret.
  if (!parsed.success) throw new CliError(`${path} is damaged: restore it from a backup`)
  return parsed.data
}

async function readOrExplain(path: string, dataDir: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'EACCES' || code === 'EPERM') {
      throw new CliError(`${path} may not be read by this user: run this as the user that runs the server`, {
        cause: error,
      })
    }
    if (code !== 'ENOENT' && code !== 'ENOTDIR') throw error
    if (path !== ownerPath(dataDir))
      throw new CliError(`${path} is not there: name a file that \`tenant create\` wrote`, { cause: error })
    throw new CliError(
      `${dataDir} has no secrets/owner.json: start the server once with \`npm start\`, or name its folder with --data`,
      { cause: error },
    )
  }
}

function parseOrNull(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
