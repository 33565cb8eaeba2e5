import { Command } from 'commander'
import { readConfig } from '../config/config.ts'
import { openLog } from '../observe/log.ts'
import { type VerifyProgress, type VerifyReport, verify } from '../server/verify.ts'
import type { AccountReport, RegistryReport } from '../server/verify-resources.ts'
import { progressLine, sizeText } from './progress.ts'

type VerifyFlags = Partial<Record<'data' | 'sealKey' | 'remoteVaults', string>> & { readonly json?: true }

/** Looks at all that is stored. */
export function verifyCommand(): Command {
  return new Command('verify')
    .summary('check all that is stored, with or without the keys')
    .description(
      'Check lengths, tags and references of all that a data folder or a backup holds. Nobody may use it meanwhile: stop the\n' +
        'server, or make a backup and verify that. What a registry or a storage account holds is opened, down to the last segment, if the vault\n' +
        'gives its key; if not, its lengths and references are checked, and that is no failure. Exit code 1: something is damaged.',
    )
    .option('--data <dir>', 'data folder or backup (default: ./data)')
    .option(
      '--seal-key <file>',
      'seal key of the keys store (default: seal.key in the secrets of the folder)',
    )
    .option('--remote-vaults <file>', 'vaults of other servers that may be asked, as for `up`')
    .option('--json', 'print the report as JSON')
    .action(async ({ json, ...flags }: VerifyFlags) => {
      const { dataDir, sealKeyFile, leaseMs, remoteVaults, logLevel } = readConfig(flags, process.env)
      const line = progressLine(process.stderr)
      const report = await verify({
        dataDir,
        sealKeyFile,
        leaseMs,
        remoteVaults,
        // What it finds is in the report.
        log: openLog(logLevel === 'debug' ? 'debug' : 'silent'),
        progress: (now) => line.show(progressText(now)),
      }).finally(() => line.clear())
      process.stdout.write(json === true ? `${JSON.stringify(report, null, 2)}\n` : reportText(report))
      if (!report.ok) process.exitCode = 1
    })
}

function progressText({ step, done }: VerifyProgress): string {
  const texts: Readonly<Record<VerifyProgress['step'], string>> = {
    databases: 'checking the databases',
    'keys store': `opening the keys store: ${done} rows`,
    stored: `checking lengths: ${done} extents`,
    resources: `opening registries and storage accounts: ${sizeText(done)}`,
  }
  return texts[step]
}

function reportText({
  documents,
  wrappings,
  stored,
  registries,
  accounts,
  damage,
  damageCount,
}: VerifyReport): string {
  const leftovers =
    stored.unnamedFiles === 0
      ? ''
      : `; ${stored.unnamedFiles} files that nothing names (${sizeText(stored.unnamedBytes)}), for the sweeper`
  const rows: [string, string][] = [
    ['keys store', `${documents} sealed rows, ${wrappings} wrapped root keys`],
    ['bytes', `${stored.extents} extents, ${sizeText(stored.bytes)}${leftovers}`],
    ...registries.map((registry): [string, string] => [registry.name, registryText(registry)]),
    ...accounts.map((account): [string, string] => [account.name, accountText(account)]),
  ]
  const width = Math.max(...rows.map(([name]) => name.length))
  const lines = rows.map(([name, text]) => `${name.padEnd(width)}  ${text}`)
  if (damageCount === 0) return [...lines, 'All that was looked at is sound.', ''].join('\n')
  return [
    ...lines,
    `Damage (${damageCount}):`,
    ...damage.map(({ where, problem }) => `  ${where}: ${problem}`),
    ...(damageCount > damage.length ? [`  and ${damageCount - damage.length} more`] : []),
    'What to do: keep this folder as it is, start on the newest backup that `strongroom verify` finds sound, and push again',
    'what is newer than that.',
    '',
  ].join('\n')
}

function registryText({ key, cause, content }: RegistryReport): string {
  if (content === null) return `key ${key} (${cause ?? 'unknown'}): lengths and references only`
  const { manifests, tags, blobs, bytes, incomplete } = content
  const counts = `key opens: ${manifests} manifests, ${tags} tags, ${blobs} blobs, ${sizeText(bytes)}`
  if (incomplete.length === 0) return counts
  return `${counts}; ${incomplete.length} manifests name what is not there, as pushed or after a deletion`
}

function accountText({ key, cause, content }: AccountReport): string {
  if (content === null) return `key ${key} (${cause ?? 'unknown'}): lengths and references only`
  const { containers, blobs, bytes, underClientKeys } = content
  const counts = `key opens: ${containers} containers, ${blobs} blobs, ${sizeText(bytes)}`
  return underClientKeys === 0 ? counts : `${counts}; ${underClientKeys} more are under keys of their clients`
}
