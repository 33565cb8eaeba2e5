import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type AzureCli, findAzureCli } from '../tools/azure-cli.ts'
import type { TestServer } from './strongroom.ts'

/** The real `az`, signed in to a test server. */
export interface Az extends AsyncDisposable {
  readonly cli: AzureCli
  readonly environment: Readonly<Record<string, string>>
  /** Runs a command line and gives what it printed, parsed; null when it printed nothing. Throws when it fails. */
  <T = unknown>(...args: readonly string[]): Promise<T>
  /** Runs a command that must fail; gives its error text. */
  fails(...args: readonly string[]): Promise<string>
  /** Runs a command, whatever comes of it. */
  raw(
    ...args: readonly string[]
  ): Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }>
}

/** A service principal, or the words after `az login --identity` with the environment that leads to the endpoint. */
export type AzLogin =
  | { readonly clientId: string; readonly secret: string }
  | { readonly identity: readonly string[]; readonly environment: Readonly<Record<string, string>> }

/** `az cloud register` with the JSON form, `az cloud set`, `az login`, each for real. */
export async function openAz(server: TestServer, login: AzLogin | null = null): Promise<Az> {
  const cli = await findAzureCli((line) => console.log(line))
  if ('missing' in cli) throw new Error(cli.missing)
  const folder = await mkdtemp(join(tmpdir(), 'strongroom-az-'))
  await cli.prepareFolder(folder)
  const environment = {
    AZURE_CONFIG_DIR: folder,
    REQUESTS_CA_BUNDLE: server.caFile,
    SSL_CERT_FILE: server.caFile,
    ...(login !== null && 'identity' in login ? login.environment : {}),
  }

  const raw: Az['raw'] = (...args) => cli.run(args, { env: environment })
  const run = async (...args: readonly string[]): Promise<unknown> => {
    const { code, stdout, stderr } = await raw(...args)
    if (code !== 0) throw new Error(`az ${args.join(' ')} ended with ${code}:\n${stderr}\n${stdout}`)
    if (stdout.trim() === '') return null
    try {
      return JSON.parse(stdout) as unknown
    } catch {
      // `-o tsv` and the like.
      return stdout.trim()
    }
  }
  const cloudFile = join(folder, 'cloud.json')
  await writeFile(cloudFile, JSON.stringify(cloudConfig(server.port)))
  await run('cloud', 'register', '-n', 'Strongroom', '--cloud-config', `@${cloudFile}`)
  await run('cloud', 'set', '-n', 'Strongroom')
  await run('login', ...loginWords(server, login), '--allow-no-subscriptions')
  return Object.assign(run as Az, {
    cli,
    environment,
    raw,
    async fails(...args: readonly string[]): Promise<string> {
      const { code, stdout, stderr } = await raw(...args)
      if (code === 0) throw new Error(`az ${args.join(' ')} should have failed, and printed:\n${stdout}`)
      return stderr
    },
    async [Symbol.asyncDispose]() {
      await rm(folder, { recursive: true, force: true })
    },
  })
}

function loginWords({ owner }: TestServer, login: AzLogin | null): readonly string[] {
  if (login !== null && 'identity' in login) return ['--identity', ...login.identity]
  const { clientId, secret } = login ?? { clientId: owner.clientId, secret: owner.clientSecret }
  return ['--service-principal', '-u', clientId, '-p', secret, '--tenant', owner.tenantId]
}

/** As an operator writes it by hand from the documentation. */
export function cloudConfig(port: number): object {
  const url = (role: string) => `https://${role}.localhost:${port}/`
  return {
    endpoints: {
      resourceManager: url('management'),
      management: url('management'),
      activeDirectory: `https://login.localhost:${port}/adfs`,
      activeDirectoryResourceId: url('management'),
      activeDirectoryGraphResourceId: url('graph'),
      microsoftGraphResourceId: url('graph'),
      logAnalyticsResourceId: `https://loganalytics.localhost:${port}`,
    },
    suffixes: {
      keyvaultDns: `.vault.localhost:${port}`,
      mhsmDns: `.managedhsm.localhost:${port}`,
      storageEndpoint: `core.localhost:${port}`,
      acrLoginServerEndpoint: `.azurecr.localhost:${port}`,
    },
  }
}
