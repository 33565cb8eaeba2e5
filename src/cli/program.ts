import { Command } from 'commander'
import { backupCommand } from './backup.ts'
import { endingOf } from './cli-error.ts'
import { doctorCommand } from './doctor.ts'
import { envCommand } from './env.ts'
import { subscriptionCommand } from './subscription.ts'
import { tenantCommand } from './tenant.ts'
import { trustCommand } from './trust.ts'
import { upCommand } from './up.ts'
import { verifyCommand } from './verify.ts'
import manifest from '../../package.json' with { type: 'json' }

/** Runs one command line (without the program's own name). @returns the exit code; never throws */
export async function run(args: readonly string[]): Promise<number> {
  try {
    await program().parseAsync(args, { from: 'user' })
    return Number(process.exitCode ?? 0)
  } catch (error) {
    const { exitCode, lines } = endingOf(error, process.env['STRONGROOM_LOG_LEVEL'] === 'debug')
    for (const line of lines) process.stderr.write(`strongroom: ${line}\n`)
    return exitCode
  }
}

function program(): Command {
  const root = new Command('strongroom')
    .description(
      'Container registry and storage on your own machines, sealed under keys that you hold in a vault.\n' +
        "Speaks Azure's wire: az, Docker, skopeo and the Azure SDKs work with it as they are.",
    )
    .version(manifest.version)
    .addHelpText(
      'after',
      '\nEvery option can come from the environment: --seal-key is STRONGROOM_SEAL_KEY.\n' +
        'Exit codes: 0 done, 1 not done (one line says why and what to do), 2 typed wrongly.',
    )
  for (const command of [
    upCommand(),
    envCommand(),
    trustCommand(),
    doctorCommand(),
    backupCommand(),
    verifyCommand(),
    tenantCommand(),
    subscriptionCommand(),
  ])
    root.addCommand(command)
  for (const command of [root, ...root.commands, ...root.commands.flatMap(({ commands }) => commands)])
    command.exitOverride().showHelpAfterError('(--help says more)')
  return root
}
