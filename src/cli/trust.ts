import { access } from 'node:fs/promises'
import { Command } from 'commander'
import { readConfig } from '../config/config.ts'
import { hostOf } from '../kernel/endpoints.ts'
import { CliError } from './cli-error.ts'
import { readOwnerFile } from './owner-file.ts'
import { describeStep, perform } from './trust/perform.ts'
import { type Machine, type Step, registryStep, storeSteps } from './trust/store.ts'

interface TrustFlags {
  readonly data?: string
  readonly registry?: readonly string[]
  readonly remove?: true
  readonly dryRun?: true
}

/** Adds the CA to the machine's trust store and Docker's. */
export function trustCommand(): Command {
  return new Command('trust')
    .summary("add the CA to the machine's and Docker's trust stores")
    .description(
      "Add the CA of this installation to the machine's trust store, and to Docker's for each registry named.\n" +
        'Needs root; without it, says what root would have to type. Whoever holds secrets/ca.key can then pose as any\n' +
        'site towards this machine: on a machine that others use too, `strongroom env` trusts it in one shell only.',
    )
    .option('--data <dir>', 'data folder of the server (default: ./data)')
    .option('--registry <name...>', "make Docker's daemon trust these registries; it knows no wildcard")
    .option('--remove', 'take the CA out again')
    .option('--dry-run', 'only say what would be done')
    .action(async ({ registry = [], remove, dryRun, ...flags }: TrustFlags) => {
      const { dataDir } = readConfig(flags, process.env)
      const steps = await planTrust({ platform: process.platform, root: '/' }, dataDir, {
        registries: registry,
        isRemoval: remove === true,
      })
      await carryOut(steps, { isRoot: process.getuid?.() === 0, isDryRun: dryRun === true }, (line) =>
        process.stdout.write(`${line}\n`),
      )
    })
}

/** @throws CliError when there is nothing to add, or nowhere to add it */
export async function planTrust(
  machine: Machine,
  dataDir: string,
  { registries, isRemoval }: { readonly registries: readonly string[]; readonly isRemoval: boolean },
): Promise<readonly Step[]> {
  const owner = await readOwnerFile(dataDir)
  const { caFile, domain } = owner
  if (caFile === null) {
    throw new CliError(
      'the server shows a certificate of your own: trust what signed it, there is no CA of ours',
    )
  }
  for (const name of registries) assertRegistryName(name)
  if (!isRemoval) await assertReadable(caFile)
  const store = storeSteps(machine, { caFile, domain, isRemoval })
  if (store === null) {
    throw new CliError(
      `this machine's trust store is not one that is known here: add ${caFile} to it by hand`,
    )
  }
  const docker = registries.map((name) =>
    registryStep(machine, { caFile, host: hostOf(owner, `${name.toLowerCase()}.azurecr`), isRemoval }),
  )
  return [...store, ...docker]
}

/** It becomes a part of a path that root writes to. */
function assertRegistryName(name: string): void {
  if (/^[a-z0-9]{5,50}$/i.test(name)) return
  throw new CliError(
    `${JSON.stringify(name)} is no registry name (5 to 50 letters and digits): give the name alone, without its domain`,
  )
}

async function assertReadable(caFile: string): Promise<void> {
  await access(caFile).catch((error: unknown) => {
    throw new CliError(`${caFile} cannot be read: start the server once with \`npm start\`, then try again`, {
      cause: error,
    })
  })
}

/** @throws CliError when it takes root, after saying what root would type */
export async function carryOut(
  steps: readonly Step[],
  { isRoot, isDryRun }: { readonly isRoot: boolean; readonly isDryRun: boolean },
  say: (line: string) => void,
): Promise<void> {
  for (const step of steps) {
    say(describeStep(step))
    if (isRoot && !isDryRun) await perform(step)
  }
  if (isDryRun || isRoot) return
  throw new CliError(
    'nothing was done, since it takes root: type the lines above as root, or run this with sudo',
  )
}
