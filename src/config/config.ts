import { isIP } from 'node:net'
import { resolve } from 'node:path'
import { z } from 'zod'
import { type RemoteVaultsConfig, remoteVaults } from './remote-vaults.ts'

/** What `up` runs with. One schema for flags and environment; every problem is told at once. */
export interface Config {
  /** Absolute. */
  readonly dataDir: string
  readonly listenHost: string
  readonly listenPort: number
  readonly domain: string
  /** Absolute path of the seal key file; null: `secrets/seal.key` in the data folder. */
  readonly sealKeyFile: string | null
  readonly durability: 'full' | 'relaxed'
  /** `azure`: a registry has its customer key at creation or never; `lifted`: at any time. */
  readonly limits: 'azure' | 'lifted'
  /** An operator's own certificate (full chain) and key instead of one from our CA; both or none. */
  readonly certificate: { readonly certificateFile: string; readonly keyFile: string } | null
  /** Loopback port of metrics and health. */
  readonly metricsPort: number
  /** Loopback port of the managed-identity endpoint and the identities that it may serve; null: off. */
  readonly identityEndpoint: { readonly port: number; readonly identities: readonly string[] } | null
  /** Vaults of other servers, of which keys of ours may be. */
  readonly remoteVaults: readonly RemoteVaultsConfig[]
  /** Azurite's three loopback ports; null: off. */
  readonly azurite: { readonly blob: number; readonly queue: number; readonly table: number } | null
  readonly leaseMs: number
  readonly shutdownMs: number
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent'
}

/** One line a problem, naming the flag or the variable that it came from. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

/** A decimal number, as people write it: no exponent, no sign, no blank. */
function decimal({
  min,
  max,
  unit,
  fraction = '',
}: {
  min: number
  max: number
  unit: string
  fraction?: string
}) {
  const message = `give ${unit} from ${min} to ${max}`
  return z
    .string()
    .regex(new RegExp(`^\\d{1,9}${fraction}$`), message)
    .transform(Number)
    .refine((value) => value >= min && value <= max, message)
}

const MAX_PORT = 65_535
const port = decimal({ min: 0, max: MAX_PORT, unit: 'a port' })
const seconds = (min: number, max: number) =>
  decimal({ min, max, unit: 'seconds', fraction: '(\\.\\d{1,3})?' })
const file = z
  .string()
  .min(1, 'give a path')
  .transform((path) => resolve(path))

const oneOf = <const T extends readonly string[]>(values: T) =>
  z.enum(values, `give ${values.slice(0, -1).join(', ')} or ${values.at(-1) ?? ''}`)

const listen = z.string().transform((text, context) => {
  const found = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+)):(\d{1,5})$/.exec(text)
  const host = found?.[1] ?? found?.[2]
  // Names, URLs and key ids bear the port: one that the system picks would be another at each start.
  const number = Number(found?.[3])
  if (host === undefined || isIP(host) === 0 || number < 1 || number > MAX_PORT) {
    context.addIssue({
      code: 'custom',
      message: `give ADDRESS:PORT, for instance 127.0.0.1:8443, not ${JSON.stringify(text)}`,
    })
    return z.NEVER
  }
  return { host, port: number }
})

/** RFC 1035 section 2.3.4: labels of 63 at most. Room is left for the labels in front. */
const domain = z
  .string()
  .toLowerCase()
  .regex(
    /^(?=.{1,180}$)[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$/,
    'give a DNS name, for instance cloud.example.org',
  )

/** `9460=<resource id or principal id>[,...]` */
const identityEndpoint = z.string().transform((text, context) => {
  const found = /^(\d{1,5})=(.+)$/.exec(text)
  const identities = (found?.[2] ?? '').split(',').map((identity) => identity.trim())
  if (found?.[1] === undefined || Number(found[1]) > MAX_PORT || identities.includes('')) {
    context.addIssue({
      code: 'custom',
      message: 'give PORT=IDENTITY[,IDENTITY...], each a resource id or a principal id',
    })
    return z.NEVER
  }
  return { port: Number(found[1]), identities }
})

/** `10000,10001,10002`: Azurite's own. */
const azurite = z.string().transform((text, context) => {
  const ports = text.split(',').map(Number)
  const [blob, queue, table] = ports
  const isPorts = /^\d{1,5}(,\d{1,5}){2}$/.test(text) && ports.every((one) => one <= MAX_PORT)
  if (blob === undefined || queue === undefined || table === undefined || !isPorts) {
    context.addIssue({
      code: 'custom',
      message: 'give three ports, BLOB,QUEUE,TABLE, or nothing for 10000,10001,10002',
    })
    return z.NEVER
  }
  return { blob, queue, table }
})

const schema = z.strictObject({
  data: file.default(() => resolve('data')),
  listen: listen.default({ host: '127.0.0.1', port: 8443 }),
  domain: domain.default('localhost'),
  sealKey: file.optional(),
  durability: oneOf(['full', 'relaxed']).default('full'),
  limits: oneOf(['azure', 'lifted']).default('azure'),
  certificate: file.optional(),
  privateKey: file.optional(),
  metricsPort: port.default(9464),
  identityEndpoint: identityEndpoint.optional(),
  remoteVaults: remoteVaults.default([]),
  azurite: azurite.optional(),
  lease: seconds(1, 300).default(5),
  shutdown: seconds(0, 3_600).default(30),
  logLevel: oneOf(['debug', 'info', 'warn', 'error', 'silent']).default('warn'),
})

/** The names of the options, as in the schema: `sealKey` is the flag `--seal-key` and the variable STRONGROOM_SEAL_KEY. */
export type OptionName = keyof z.input<typeof schema>
export const optionNames = Object.keys(schema.shape) as readonly OptionName[]

/**
 * Flags come before the environment, the environment before defaults. An empty variable counts as not set.
 * @throws ConfigError naming every problem
 */
export function readConfig(
  flags: Readonly<Partial<Record<OptionName, string>>>,
  environment: NodeJS.ProcessEnv,
): Config {
  const parsed = schema.safeParse({ ...fromEnvironment(environment), ...flags })
  const problems = [
    ...(parsed.error?.issues ?? []).map(({ path: [name], message }) => `${givenAs(name, flags)}: ${message}`),
    ...misspeltVariables(environment),
  ]
  const isGiven = (name: OptionName) =>
    flags[name] !== undefined || (environment[variableOf(name)] ?? '') !== ''
  if (isGiven('certificate') !== isGiven('privateKey')) {
    problems.push('--certificate and --private-key go together: give both or none')
  }
  const own = parsed.success ? ownVaults(parsed.data) : null
  if (parsed.data?.remoteVaults.some(({ url }) => url === own) === true)
    problems.push(`--remote-vaults: ${own} is this server: its vaults need no entry`)
  if (!parsed.success || problems.length > 0) throw new ConfigError(problems.join('\n'))
  const options = parsed.data
  return {
    dataDir: options.data,
    listenHost: options.listen.host,
    listenPort: options.listen.port,
    domain: options.domain,
    sealKeyFile: options.sealKey ?? null,
    durability: options.durability,
    limits: options.limits,
    certificate:
      options.certificate !== undefined && options.privateKey !== undefined
        ? { certificateFile: options.certificate, keyFile: options.privateKey }
        : null,
    metricsPort: options.metricsPort,
    identityEndpoint: options.identityEndpoint ?? null,
    remoteVaults: options.remoteVaults,
    azurite: options.azurite ?? null,
    leaseMs: options.lease * 1000,
    shutdownMs: options.shutdown * 1000,
    logLevel: options.logLevel,
  }
}

/** The base of our own vaults' addresses. */
function ownVaults({ domain, listen }: z.output<typeof schema>): string {
  return new URL(`https://vault.${domain}:${listen.port}`).origin
}

function fromEnvironment(environment: NodeJS.ProcessEnv): Partial<Record<OptionName, string>> {
  const found: Partial<Record<OptionName, string>> = {}
  for (const name of optionNames) {
    const value = environment[variableOf(name)]
    if (value !== undefined && value !== '') found[name] = value
  }
  return found
}

/**
 * A slip in a variable's name would leave a default in force without a word: the seal key beside the data, say. Names that
 * only share our prefix are somebody else's (Kubernetes sets STRONGROOM_PORT beside a service of that name).
 */
function misspeltVariables(environment: NodeJS.ProcessEnv): readonly string[] {
  const known = optionNames.map(variableOf)
  return Object.keys(environment)
    .filter((name) => name.startsWith('STRONGROOM_') && !known.includes(name))
    .flatMap((name) => {
      const meant = known.find((one) => editDistance(one, name) <= 2)
      return meant === undefined ? [] : [`${name}: there is no such option; did you mean ${meant}?`]
    })
}

/** How many letters have to be put in, taken out or changed (Levenshtein). */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index)
  for (const [line, letter] of Array.from(from).entries()) {
    const next = [line + 1]
    for (const [column, other] of Array.from(to).entries()) {
      const changed = (row[column] ?? 0) + (letter === other ? 0 : 1)
      next.push(Math.min(changed, (row[column + 1] ?? 0) + 1, (next[column] ?? 0) + 1))
    }
    row = next
  }
  return row[to.length] ?? 0
}

function givenAs(
  name: PropertyKey | undefined,
  flags: Readonly<Partial<Record<OptionName, string>>>,
): string {
  const option = optionNames.find((one) => one === name)
  if (option === undefined || flags[option] !== undefined) return `--${kebab(String(name ?? 'option'))}`
  return variableOf(option)
}

function variableOf(name: OptionName): string {
  return `STRONGROOM_${kebab(name).replaceAll('-', '_').toUpperCase()}`
}

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}
