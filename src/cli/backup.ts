import { Command } from 'commander'
import { readConfig } from '../config/config.ts'
import { type BackupProgress, type BackupSummary, backUp } from '../server/backup.ts'
import { type ProgressLine, progressLine, sizeText } from './progress.ts'
import { shellLine } from './shell.ts'

/** A copy to start a server on, where its seal key is. */
export function backupCommand(): Command {
  return new Command('backup')
    .summary('copy the data folder, while the server runs or not')
    .description(
      'Make a consistent copy of the data folder in DIR, which must be new or empty. Needs no key; the server may run.\n' +
        'The seal key is left out: keep a copy of it somewhere else. Without it nothing in the backup can be opened, and\n' +
        'without the keys in the vaults, which are in the backup, sealed, no registry. `up --data DIR --seal-key FILE` starts on it.\n' +
        "The owner's secret and the key of the CA are in it: guard it as you guard the data folder.",
    )
    .argument('<dir>', 'where the copy goes')
    .option('--data <dir>', 'data folder of the server (default: ./data)')
    .option('--json', 'print the summary as JSON')
    .action(async (target: string, { json, ...flags }: { readonly data?: string; readonly json?: true }) => {
      const { dataDir } = readConfig(flags, process.env)
      const startedAt = performance.now()
      const line = progressLine(process.stderr)
      const summary = await backUp({ dataDir, target, progress: (now) => show(line, now) }).finally(() =>
        line.clear(),
      )
      const ok = summary.damaged.length === 0
      const seconds = Math.round(performance.now() - startedAt) / 1000
      process.stdout.write(
        json === true
          ? `${JSON.stringify({ ok, ...summary, seconds }, null, 2)}\n`
          : report(summary, seconds),
      )
      if (!ok) process.exitCode = 1
    })
}

function show(line: ProgressLine, { step, done, total }: BackupProgress): void {
  line.show(step === 'databases' ? 'copying the databases' : `copying extents: ${done} of ${total}`)
}

function report({ target, extents, bytes, damaged }: BackupSummary, seconds: number): string {
  const lines = [
    `Copied both databases and ${extents} extents (${sizeText(bytes)}) to ${target} in ${seconds.toFixed(1)} s.`,
    `The seal key is not in it. To start on it: ${shellLine(['strongroom', 'up', '--data', target, '--seal-key'])} FILE`,
  ]
  if (damaged.length > 0) {
    lines.push(
      `Damage: ${damaged.length} extents are missing in the data folder, or have a wrong length; the rest was copied.`,
      'Stop the server and run `strongroom verify`, which says what they belong to; restore those from an older backup.',
    )
  }
  return `${lines.join('\n')}\n`
}
