import { lookup } from 'node:dns/promises'
import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'
import { getCACertificates } from 'node:tls'
import { Command } from 'commander'
import { readConfig } from '../config/config.ts'
import { CliError } from './cli-error.ts'
import { checkCertificate } from './doctor/certificate.ts'
import { checkClock } from './doctor/clock.ts'
import { checkCoreDumps } from './doctor/core-dumps.ts'
import { checkDataFolder } from './doctor/data-folder.ts'
import { type Finding, fail, report } from './doctor/finding.ts'
import { type Handshake, shakeHands } from './doctor/handshake.ts'
import { checkHealth } from './doctor/health.ts'
import { type Lookup, checkNames } from './doctor/names.ts'
import { checkPort } from './doctor/port.ts'
import { checkProxy } from './doctor/proxy.ts'
import { checkSealKey } from './doctor/seal-key.ts'
import { checkTrusted } from './doctor/trusted.ts'
import { readOwnerFile } from './owner-file.ts'

type DoctorFlags = Partial<Record<'data' | 'sealKey' | 'metricsPort', string>> & { readonly json?: true }

/** Says what is wrong on this machine and what to do about it. */
export function doctorCommand(): Command {
  return new Command('doctor')
    .summary('say what is wrong on this machine, and what to do')
    .description(
      'Check names, trust, certificate, port, data folder, seal key, health and customer keys, core dumps and clock.\n' +
        'Changes nothing. Exit code 1 when something fails; warnings alone are 0.',
    )
    .option('--data <dir>', 'data folder of the server (default: ./data)')
    .option('--seal-key <file>', 'seal key that the server was started with (default: in the data folder)')
    .option('--metrics-port <port>', 'metrics port that the server was started with (default: 9464)')
    .option('--json', 'print the findings as JSON')
    .action(async ({ json, ...flags }: DoctorFlags) => {
      const { dataDir, sealKeyFile, metricsPort } = readConfig(flags, process.env)
      const findings = await examine({
        dataDir,
        sealKeyFile,
        metricsPort,
        lookup: (name) => lookup(name, { all: true }),
        trusted: getCACertificates('system'),
        environment: process.env,
        now: new Date(),
      })
      const isWell = findings.every(({ status }) => status !== 'fail')
      process.stdout.write(
        json === true ? `${JSON.stringify({ ok: isWell, findings }, null, 2)}\n` : report(findings),
      )
      if (!isWell) process.exitCode = 1
    })
}

export interface Examination {
  readonly dataDir: string
  readonly sealKeyFile: string | null
  readonly metricsPort: number
  readonly lookup: Lookup
  /** PEM of each certificate that the machine and this shell trust. */
  readonly trusted: readonly string[]
  readonly environment: NodeJS.ProcessEnv
  readonly now: Date
}

/** Every check; one that needs what another found missing is left out. */
export async function examine(examination: Examination): Promise<readonly Finding[]> {
  const { dataDir, sealKeyFile, now } = examination
  const folder = await checkDataFolder(dataDir)
  if (folder.some(({ check, status }) => check === 'data' && status === 'fail')) return folder
  const local = [
    await checkSealKey(dataDir, sealKeyFile),
    await checkCoreDumps(dataDir),
    await checkClock(dataDir, now),
  ]
  const served = await serverFindings(examination)
  return [...folder, ...local, ...served].filter((finding) => finding !== null)
}

async function serverFindings(examination: Examination): Promise<readonly (Finding | null)[]> {
  const { dataDir, metricsPort, lookup, trusted, now } = examination
  let owner
  try {
    owner = await readOwnerFile(dataDir)
  } catch (error) {
    if (!(error instanceof CliError)) throw error
    return [fail('owner', error.message)]
  }
  const { domain, port, caFile } = owner
  const caPem = caFile === null ? null : await readFile(caFile, 'utf8').catch(() => null)
  if (caFile !== null && caPem === null) {
    return [fail('trust', `${caFile} cannot be read`, 'start the server, which finds it or makes it anew')]
  }
  const serverName = `management.${domain}`
  const address = await addressOf(serverName, lookup)
  const shake = (ca: readonly string[]) => shakeHands({ address, port, serverName, trusted: ca })
  const machine = await shake(trusted)
  const ours = caPem === null ? machine : await shake([caPem])
  const asSeen = isOurs(ours) ? machine : ({ state: 'closed' } as const)
  return [
    await checkNames(domain, lookup),
    checkProxy(domain, examination.environment),
    checkPort(port, ours),
    isOurs(ours) ? checkCertificate(ours.certificatePem, domain, now) : null,
    checkTrusted({ caPem, machine: asSeen, trusted, dataDir }),
    ...(await checkHealth(metricsPort, isOurs(ours))),
  ]
}

function isOurs(handshake: Handshake): handshake is Extract<Handshake, { state: 'open' }> {
  return handshake.state === 'open' && handshake.isTrusted
}

/** Where clients find the server; this machine when the name does not resolve, which is a finding of its own. */
async function addressOf(name: string, lookup: Lookup): Promise<string> {
  const found = (await lookup(name).catch(() => [])).map(({ address }) => address)
  return found.find((address) => isIP(address) === 4) ?? found[0] ?? '127.0.0.1'
}
