import { Command, Option } from 'commander'
import { type OptionName, readConfig } from '../config/config.ts'
import { urlOf } from '../kernel/endpoints.ts'
import { openLog } from '../observe/log.ts'
import type { Strongroom } from '../server/strongroom.ts'

/** Starts the server and keeps it up until SIGTERM or SIGINT. */
export function upCommand(): Command {
  return new Command('up')
    .description('start the server')
    .option('--data <dir>', 'where everything is kept (default: ./data)')
    .option('--listen <address:port>', 'where clients connect (default: 127.0.0.1:8443)')
    .option('--domain <name>', 'base domain of every host name (default: localhost)')
    .option(
      '--seal-key <file>',
      'key that protects the keys store (default: seal.key in the secrets of the data folder)',
    )
    .option('--durability <full|relaxed>', 'relaxed: a power cut may take the last moments (default: full)')
    .option(
      '--limits <azure|lifted>',
      'lifted: a customer key can be put on, changed and taken off at any time (default: azure)',
    )
    .option('--certificate <file>', 'own certificate chain, PEM, with --private-key')
    .option('--private-key <file>', 'its private key, PEM')
    .option('--metrics-port <port>', 'loopback port of metrics and health (default: 9464)')
    .option(
      '--identity-endpoint <port=identity,...>',
      'loopback port that hands out tokens of these managed identities (default: off)',
    )
    .addOption(
      new Option(
        '--azurite [blob,queue,table]',
        "Azurite's loopback ports in plain HTTP with its well-known account (default: off; ports 10000,10001,10002)",
      ).preset('10000,10001,10002'),
    )
    .option(
      '--remote-vaults <file>',
      'JSON file that names vaults of other servers, and as whom they are opened (default: none)',
    )
    .option('--lease <seconds>', 'how long an unwrapped key may be used without asking again (default: 5)')
    .option('--shutdown <seconds>', 'how long transfers may finish at the end (default: 30)')
    .option('--log-level <level>', 'debug, info, warn, error or silent (default: warn)')
    .action(async (flags: Partial<Record<OptionName, string>>) => {
      const config = readConfig(flags, process.env)
      const log = openLog(config.logLevel)
      // Loaded here, so that the other commands do not wait for it.
      const { startStrongroom } = await import('../server/strongroom.ts')
      const server = await startStrongroom(config, log)
      const stop = once(() => {
        server.close().catch((error: unknown) => {
          log.error({ error }, 'the shutdown did not end cleanly')
          process.exitCode = 1
        })
      })
      process.on('SIGTERM', stop)
      process.on('SIGINT', stop)
      // Last: whoever waits for the ready line may send a signal the moment it is there.
      welcome(server, config.dataDir)
    })
}

function welcome(
  { endpoints, owner, isFirstStart, metricsPort, identityEndpoint, azurite }: Strongroom,
  dataDir: string,
): void {
  const lines = []
  if (isFirstStart) {
    lines.push(
      `Made a CA, a tenant, a subscription and an owner: ${dataDir}/secrets/owner.json`,
      'Next, in another terminal:',
      `  eval "$(npm run -s strongroom -- env --data ${dataDir})"   # points az, Docker, skopeo, Node and Python here`,
      `  npm run -s strongroom -- doctor --data ${dataDir}          # says what is missing on this machine`,
    )
  }
  lines.push(
    `Tenant ${owner.tenantId}, subscription ${owner.subscriptionId}; metrics and health on http://127.0.0.1:${metricsPort}`,
  )
  if (identityEndpoint !== null)
    lines.push(
      `Managed identities on http://127.0.0.1:${identityEndpoint.port} (secret header: ${identityEndpoint.file})`,
    )
  if (azurite !== null) {
    lines.push(
      `UseDevelopmentStorage=true on http://127.0.0.1:${azurite.blob} (blobs; queue and table answer that they are still to come)`,
    )
  }
  lines.push(`ready ${urlOf(endpoints, 'management')}`)
  console.log(lines.join('\n'))
}

function once(run: () => void): () => void {
  let isDone = false
  return () => {
    if (isDone) return
    isDone = true
    run()
  }
}
