import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { Command } from 'commander'
import { readConfig } from '../config/config.ts'
import { hostOf, urlOf } from '../kernel/endpoints.ts'
import type { OwnerFile } from '../server/bootstrap.ts'
import { writeSecretFile } from '../store/data-folder-files.ts'
import { caBundle } from './ca-bundle.ts'
import { CliError } from './cli-error.ts'
import { cloudConfig } from './cloud-config.ts'
import { ownerPath, readOwnerFile } from './owner-file.ts'
import { exceptions, usesProxy } from './proxy.ts'
import { shellQuote } from './shell.ts'

/** Prints what points az, Docker, skopeo, Node and Python at this installation. */
export function envCommand(): Command {
  return new Command('env')
    .summary('print what points az, Docker, skopeo, Node and Python here')
    .description(
      'Print export lines for a POSIX shell, and as comments the commands to type next:\n' +
        '  eval "$(strongroom env)"\n' +
        'Writes cloud.json (for az) and ca-bundle.pem (what this machine trusts, and our CA) into the data folder.\n' +
        'The secret of the owner is not printed: the lines read it from its file when they are run.',
    )
    .option('--data <dir>', 'data folder of the server (default: ./data)')
    .option('--owner <file>', 'point at the tenant whose credentials `tenant create` wrote there')
    .option('--json', 'print an object instead of shell lines, without the secret')
    .action(async ({ json, owner, ...flags }: EnvFlags) => {
      const { dataDir } = readConfig(flags, process.env)
      const ownerFile = owner === undefined ? ownerPath(dataDir) : resolve(owner)
      const setup = await prepare(dataDir, process.env, ownerFile)
      process.stdout.write(json === true ? `${JSON.stringify(setup, null, 2)}\n` : shellText(setup))
    })
}

interface EnvFlags {
  readonly data?: string
  readonly owner?: string
  readonly json?: true
}

export interface Setup {
  readonly variables: Readonly<Record<string, string>>
  /** Holds `clientSecret`, the value of AZURE_CLIENT_SECRET. */
  readonly ownerFile: string
  readonly cloudFile: string
  /** Null with an operator's own certificate. */
  readonly caBundle: string | null
  readonly registrySuffix: string
}

/** Writes the files that the variables name, and says what to set. */
export async function prepare(
  dataDir: string,
  environment: NodeJS.ProcessEnv,
  ownerFile = ownerPath(dataDir),
): Promise<Setup> {
  const owner = await readOwnerFile(dataDir, ownerFile)
  const cloudFile = join(dataDir, 'cloud.json')
  await writeSecretFile(cloudFile, `${JSON.stringify(cloudConfig(owner), null, 2)}\n`, { replace: true })
  const bundle = await writeBundle(dataDir, owner, environment)
  return {
    variables: { ...trustVariables(bundle), ...azureVariables(owner), ...proxyVariables(owner, environment) },
    ownerFile,
    cloudFile,
    caBundle: bundle,
    registrySuffix: hostOf(owner, 'azurecr'),
  }
}

async function writeBundle(
  dataDir: string,
  { caFile }: OwnerFile,
  environment: NodeJS.ProcessEnv,
): Promise<string | null> {
  if (caFile === null) return null
  const caPem = await readFile(caFile, 'utf8').catch((error: unknown) => {
    throw new CliError(`${caFile} cannot be read: start the server, which makes it anew or finds it`, {
      cause: error,
    })
  })
  const path = join(dataDir, 'ca-bundle.pem')
  await writeSecretFile(path, await caBundle(caPem, environment['SSL_CERT_FILE']), { replace: true })
  return path
}

/** az and Python's requests; Go (skopeo, oras) and OpenSSL; curl; Node. */
const trustNames = ['REQUESTS_CA_BUNDLE', 'SSL_CERT_FILE', 'CURL_CA_BUNDLE', 'NODE_EXTRA_CA_CERTS'] as const

function trustVariables(bundle: string | null): Record<string, string> {
  return bundle === null ? {} : Object.fromEntries(trustNames.map((name) => [name, bundle]))
}

function azureVariables(owner: OwnerFile): Record<string, string> {
  return {
    AZURE_TENANT_ID: owner.tenantId,
    AZURE_SUBSCRIPTION_ID: owner.subscriptionId,
    AZURE_CLIENT_ID: owner.clientId,
    AZURE_AUTHORITY_HOST: urlOf(owner, 'login'),
  }
}

/** Where a proxy is set, our names must not go to it: nobody else can resolve them. */
function proxyVariables({ domain }: OwnerFile, environment: NodeJS.ProcessEnv): Record<string, string> {
  if (!usesProxy(environment)) return {}
  const past = [...exceptions(environment)]
  for (const name of [domain, `.${domain}`]) if (!past.includes(name)) past.push(name)
  return { NO_PROXY: past.join(','), no_proxy: past.join(',') }
}

/**
 * Each line ends in a semicolon and comments come last, so that `eval $(...)` without quotes, which makes one line of all,
 * does the same.
 */
export function shellText({ variables, ownerFile, cloudFile, caBundle, registrySuffix }: Setup): string {
  const exports = Object.entries(variables).map(([name, value]) => `export ${name}=${shellQuote(value)};`)
  // Read by the shell that needs it: what is printed may end in a log.
  const secret = `AZURE_CLIENT_SECRET="$(${secretReader(ownerFile)})"; export AZURE_CLIENT_SECRET;`
  return [...exports, secret, ...hints({ cloudFile, caBundle, registrySuffix }), ''].join('\n')
}

function secretReader(ownerFile: string): string {
  const script = 'JSON.parse(require("node:fs").readFileSync(process.argv[1], "utf8")).clientSecret'
  return [process.execPath, '-p', script, ownerFile].map(shellQuote).join(' ')
}

function hints({
  cloudFile,
  caBundle,
  registrySuffix,
}: Pick<Setup, 'cloudFile' | 'caBundle' | 'registrySuffix'>): readonly string[] {
  return [
    '# In a shell: eval "$(strongroom env)". Then, for az, once:',
    `#   az cloud register -n Strongroom --cloud-config @${shellQuote(cloudFile)}`,
    '#   az cloud set -n Strongroom',
    '#   az login --service-principal -u "$AZURE_CLIENT_ID" -p "$AZURE_CLIENT_SECRET" --tenant "$AZURE_TENANT_ID"',
    '# The Azure SDKs: DefaultAzureCredential, with disableInstanceDiscovery: true.',
    `# A registry NAME: printf %s "$AZURE_CLIENT_SECRET" | docker login -u "$AZURE_CLIENT_ID" --password-stdin NAME.${registrySuffix}`,
    '#   (the same with skopeo login, podman login, oras login)',
    ...(caBundle === null
      ? ['# The server shows a certificate of your own: nothing was changed in what this shell trusts.']
      : [
          '# ca-bundle.pem is what this machine trusts and our CA, so other sites go on working in this shell.',
          '# The Docker daemon does not see this shell: `strongroom trust --registry NAME` is for it.',
        ]),
  ]
}
