import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { z } from 'zod'

/** Vaults of another server, of which keys of ours may be. */
export interface RemoteVaultsConfig {
  /** `https://vault.azure.net` for all `https://NAME.vault.azure.net`. No slash at the end; no port when it is 443. */
  readonly url: string
  /** The login endpoint of their tenant's directory, likewise. */
  readonly loginUrl: string
  readonly tenantId: string
  /** Absolute path of the PEM certificates that alone are trusted there; null: the public ones. */
  readonly caFile: string | null
  /** Which managed identities of ours may open keys there, and as which client. */
  readonly identities: readonly RemoteIdentityConfig[]
}

export interface RemoteIdentityConfig {
  /** Principal id, or ARM id of a user-assigned identity or of the resource that a system-assigned one lives with. */
  readonly identity: string
  /** Absolute path of a JSON file with `clientId` and `clientSecret`. */
  readonly credentialFile: string
}

/** An origin: what a URL has beside would be dropped without a word. */
const origin = z.string('it is missing or no text').transform((text, context) => {
  const url = URL.canParse(text) ? new URL(text) : null
  if (url?.protocol === 'https:' && url.href === `${url.origin}/`) return url.origin
  context.addIssue({ code: 'custom', message: 'give https://HOST or https://HOST:PORT and no more' })
  return z.NEVER
})

const text = z.string('it is missing or no text').min(1, 'it is empty')

const schemaIn = (folder: string) => {
  const file = text.transform((path) => resolve(folder, path))
  return z
    .array(
      z.strictObject({
        url: origin,
        loginUrl: origin,
        tenantId: z.guid('give a GUID').toLowerCase(),
        caFile: file.optional().transform((path) => path ?? null),
        identities: z
          .array(z.strictObject({ identity: text, credentialFile: file }), 'it is missing or no list')
          .min(1, 'name an identity'),
      }),
      'it is no list',
    )
    .refine((all) => new Set(all.map(({ url }) => url)).size === all.length, 'two entries have one url')
}

/**
 * The path of a JSON file that lists servers; paths in it are relative to its folder.
 * Secrets are not in it: it names the files that hold them.
 */
export const remoteVaults = z.string().transform((path, context): readonly RemoteVaultsConfig[] => {
  const file = resolve(path)
  const problem = (message: string) => context.addIssue({ code: 'custom', message })
  const read = readJson(file)
  if ('problem' in read) {
    problem(`${read.problem}, not ${JSON.stringify(file)}`)
    return z.NEVER
  }
  const parsed = schemaIn(dirname(file)).safeParse(read.json)
  if (parsed.success) return parsed.data
  for (const { path: at, message } of parsed.error.issues)
    problem([file, ...(at.length === 0 ? [] : [at.join('.')]), message].join(': '))
  return z.NEVER
})

function readJson(file: string): { readonly json: unknown } | { readonly problem: string } {
  try {
    return { json: JSON.parse(readFileSync(file, 'utf8')) }
  } catch (error) {
    // What the parser says quotes the file.
    return { problem: error instanceof SyntaxError ? 'give a file of JSON' : 'give a file that can be read' }
  }
}
