import { rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import { Command } from 'commander'
import { type OptionName, readConfig } from '../config/config.ts'
import { openLog } from '../observe/log.ts'
import type { OwnerFile } from '../server/bootstrap.ts'
import { writeSecretFile } from '../store/data-folder-files.ts'
import { CliError } from './cli-error.ts'
import { assertDisplayName } from './display-name.ts'
import { readOwnerFile } from './owner-file.ts'
import { shellLine } from './shell.ts'

/** Tenants beside the first, which the first start makes. */
export function tenantCommand(): Command {
  return new Command('tenant').summary('add a tenant').addCommand(createCommand())
}

function createCommand(): Command {
  return new Command('create')
    .summary('make a tenant with an owner and a subscription')
    .description(
      'Make a tenant NAME in a data folder that no server is running on: nothing that a client sends makes one.\n' +
        "Its owner's credentials go into FILE, which must not be there yet, and nowhere else: it is for the tenant's people.",
    )
    .argument('<name>', 'display name of the tenant')
    .argument('<file>', 'where the credentials of its owner go (mode 0600)')
    .option('--data <dir>', 'data folder of the server (default: ./data)')
    .option(
      '--seal-key <file>',
      'key that protects the keys store (default: seal.key in the secrets of the data folder)',
    )
    .action(async (name: string, file: string, flags: Partial<Record<OptionName, string>>) => {
      const path = resolve(file)
      const owner = await create(name, path, flags)
      process.stdout.write(
        [
          `Made tenant ${owner.tenantId} with subscription ${owner.subscriptionId}; its owner is in ${path}`,
          'Start the server again. To work in the tenant, in a shell of its own:',
          `  eval "$(${shellLine(['strongroom', 'env', '--owner', path])})"`,
          '',
        ].join('\n'),
      )
    })
}

/** The file comes first, empty, so that a tenant is not made whose secret nobody gets to see. */
async function create(
  name: string,
  path: string,
  flags: Partial<Record<OptionName, string>>,
): Promise<OwnerFile> {
  assertDisplayName(name)
  const config = readConfig(flags, process.env)
  const { domain, port, caFile } = await readOwnerFile(config.dataDir)
  // Loaded here, so that the other commands do not wait for it.
  const { createTenant } = await import('../server/tenants.ts')
  await writeSecretFile(path, '').catch((error: unknown) => {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    throw new CliError(`${path} is there already: name another file`, { cause: error })
  })
  try {
    const log = openLog(config.logLevel)
    const made = await createTenant({ ...config, domain, listenPort: port }, name, log)
    const owner: OwnerFile = { ...made, domain, port, caFile }
    await writeSecretFile(path, `${JSON.stringify(owner, null, 2)}\n`, { replace: true })
    return owner
  } catch (error) {
    await rm(path, { force: true })
    throw error
  }
}
