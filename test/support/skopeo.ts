import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type CommandResult, runCommand } from '../tools/command.ts'

/** skopeo with a home, credentials and trust of its own. */
export interface Skopeo extends AsyncDisposable {
  readonly environment: Readonly<Record<string, string>>
  /** What it printed. Throws when it fails. */
  (...args: readonly string[]): Promise<string>
  raw(...args: readonly string[]): Promise<CommandResult>
}

export async function openSkopeo(caFile: string): Promise<Skopeo> {
  const home = await mkdtemp(join(tmpdir(), 'strongroom-skopeo-'))
  const environment = {
    PATH: process.env['PATH'] ?? '',
    HOME: home,
    TMPDIR: home,
    XDG_RUNTIME_DIR: home,
    SSL_CERT_FILE: caFile,
    REGISTRY_AUTH_FILE: join(home, 'auth.json'),
  }
  const raw: Skopeo['raw'] = (...args) =>
    runCommand('skopeo', ['--insecure-policy', ...args], { env: environment, timeoutMs: 120_000 })
  const run = async (...args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await raw(...args)
    if (code !== 0) throw new Error(`skopeo ${args.join(' ')} ended with ${code}:\n${stderr}`)
    return stdout
  }
  return Object.assign(run as Skopeo, {
    environment,
    raw,
    [Symbol.asyncDispose]: () => rm(home, { recursive: true, force: true }),
  })
}
