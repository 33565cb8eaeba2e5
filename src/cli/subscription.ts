import { resolve } from 'node:path'
import { Command } from 'commander'
import { readConfig } from '../config/config.ts'
import { openLog } from '../observe/log.ts'
import { CliError } from './cli-error.ts'
import { assertDisplayName } from './display-name.ts'
import { ownerPath, readOwnerFile } from './owner-file.ts'

/** Subscriptions beside the one that each tenant is made with. */
export function subscriptionCommand(): Command {
  return new Command('subscription').summary('add a subscription').addCommand(createCommand())
}

interface Flags {
  readonly data?: string
  readonly sealKey?: string
  readonly owner?: string
}

function createCommand(): Command {
  return new Command('create')
    .summary('make a subscription in a tenant')
    .description(
      'Make a subscription NAME in a data folder that no server is running on: nothing that a client sends makes one.\n' +
        'It belongs to the first tenant and its owner, or to those of --owner.',
    )
    .argument('<name>', 'display name of the subscription')
    .option('--data <dir>', 'data folder of the server (default: ./data)')
    .option('--owner <file>', 'in the tenant whose credentials `tenant create` wrote there')
    .option(
      '--seal-key <file>',
      'key that protects the keys store (default: seal.key in the secrets of the data folder)',
    )
    .action(async (name: string, flags: Flags) => {
      const subscriptionId = await create(name, flags)
      process.stdout.write(
        [
          `Made subscription ${subscriptionId}`,
          'Start the server again, sign in again, and work in it:',
          `  az account set -s ${subscriptionId}`,
          '',
        ].join('\n'),
      )
    })
}

async function create(name: string, { owner: file, ...flags }: Flags): Promise<string> {
  assertDisplayName(name)
  const config = readConfig(flags, process.env)
  const path = file === undefined ? ownerPath(config.dataDir) : resolve(file)
  const owner = await readOwnerFile(config.dataDir, path)
  // Loaded here, so that the other commands do not wait for it.
  const { createSubscription } = await import('../server/tenants.ts')
  const reached = { ...config, domain: owner.domain, listenPort: owner.port }
  const made = await createSubscription(reached, { name, owner }, openLog(config.logLevel))
  if (made === null)
    throw new CliError(`the owner in ${path} is not there any more: name another with --owner`)
  return made
}
