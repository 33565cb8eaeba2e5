import { isIP } from 'node:net'
import { resolve } from 'node:path'
import { z } from 'zod'

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
  readonly leaseMs: number
  readonly shutdownMs: number
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'silent'
}

/** One line a problem, naming the flag. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

const port = z.coerce.number().int().min(0).max(65_535)
const file = z
  .string()
  .min(1)
  .transform((path) => resolve(path))

const listen = z.string().transform((text, context) => {
  const found = /^(?:\[([0-9a-fA-F:]+)\]|([0-9.]+)):(\d{1,5})$/.exec(text)
  const host = found?.[1] ?? found?.[2]
  if (host === undefined || isIP(host) === 0 || Number(found?.[3]) > 65_535) {
    context.addIssue({
      code: 'custom',
      message: `give ADDRESS:PORT, for instance 127.0.0.1:8443, not ${JSON.stringify(text)}`,
    })
    return z.NEVER
  }
  return { host, port: Number(found?.[3]) }
})

const domain = z
  .string()
  .toLowerCase()
  .regex(/^(?=.{1,200}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/, 'give a DNS name')

/** `9460=<resource id or principal id>[,...]` */
const identityEndpoint = z.string().transform((text, context) => {
  const found = /^(\d{1,5})=(.+)$/.exec(text)
  if (found?.[1] === undefined || found[2] === undefined || Number(found[1]) > 65_535) {
    context.addIssue({
      code: 'custom',
      message: 'give PORT=IDENTITY[,IDENTITY...], each a resource id or a principal id',
    })
    return z.NEVER
  }
  return { port: Number(found[1]), identities: found[2].split(',').map((identity) => identity.trim()) }
})

const schema = z.strictObject({
  data: file.default(() => resolve('data')),
  listen: listen.default({ host: '127.0.0.1', port: 8443 }),
  domain: domain.default('localhost'),
  sealKey: file.optional(),
  durability: z.enum(['full', 'relaxed']).default('full'),
  limits: z.enum(['azure', 'lifted']).default('azure'),
  certificate: file.optional(),
  privateKey: file.optional(),
  metricsPort: port.default(9464),
  identityEndpoint: identityEndpoint.optional(),
  lease: z.coerce.number().min(1).max(300).default(5),
  shutdown: z.coerce.number().min(0).max(3600).default(30),
  logLevel: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('warn'),
})

/** The names of the options, as in the schema: `sealKey` is the flag `--seal-key` and the variable STRONGROOM_SEAL_KEY. */
export type OptionName = keyof z.input<typeof schema>
export const optionNames = Object.keys(schema.shape) as readonly OptionName[]

/**
 * Flags come before the environment, the environment before defaults.
 * @throws ConfigError naming every problem
 */
export function readConfig(
  flags: Readonly<Partial<Record<OptionName, string>>>,
  environment: NodeJS.ProcessEnv,
): Config {
  const given = { ...fromEnvironment(environment), ...flags }
  const parsed = schema.safeParse(given)
  const problems = parsed.success
    ? []
    : parsed.error.issues.map((issue) => `${flagOf(issue.path[0])}: ${issue.message}`)
  if (parsed.success && (parsed.data.certificate === undefined) !== (parsed.data.privateKey === undefined)) {
    problems.push('--certificate and --private-key go together: give both or none')
  }
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
    leaseMs: options.lease * 1000,
    shutdownMs: options.shutdown * 1000,
    logLevel: options.logLevel,
  }
}

function fromEnvironment(environment: NodeJS.ProcessEnv): Partial<Record<OptionName, string>> {
  const found: Partial<Record<OptionName, string>> = {}
  for (const name of optionNames) {
    const value = environment[`STRONGROOM_${kebab(name).replaceAll('-', '_').toUpperCase()}`]
    if (value !== undefined && value !== '') found[name] = value
  }
  return found
}

function flagOf(name: PropertyKey | undefined): string {
  return `--${kebab(String(name ?? 'option'))}`
}

function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}
