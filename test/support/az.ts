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

/** `az cloud register` with the JSON form, `az cloud set`, `az login --service-principal`, each for real. */
export async function openAz(
  server: TestServer,
  login: { readonly clientId: string; readonly secret: string } | null = null,
): Promise<Az> {
  const cli = await findAzureCli((line) => console.log(line))
  if ('missing' in cli) throw new Error(cli.missing)
  const folder = await mkdtemp(join(tmpdir(), 'strongroom-az-'))
  await cli.prepareFolder(folder)
  const environment = {
    AZURE_CONFIG_DIR: folder,
    REQUESTS_CA_BUNDLE: server.caFile,
    SSL_CERT_FILE: server.caFile,
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
  const { clientId, clientSecret, tenantId } = server.owner
  const who = login ?? { clientId, secret: clientSecret }
  await run(
    'login',
    '--service-principal',
    '-u',
    who.clientId,
    '-p',
    who.secret,
    '--tenant',
    tenantId,
    '--allow-no-subscriptions',
  )
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
