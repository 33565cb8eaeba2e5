/**
 * A rule of Cross-Origin Resource Sharing.
 * https://learn.microsoft.com/rest/api/storageservices/cross-origin-resource-sharing--cors--support-for-the-azure-storage-services
 */
export type CorsRule = {
  /** `*` for any; a host may begin with `*.`: `https://*.contoso.com`. Letter case counts. */
  readonly allowedOrigins: readonly string[]
  /** In upper case. */
  readonly allowedMethods: readonly string[]
  /** `*` at the end stands for any ending, alone for any header. */
  readonly allowedHeaders: readonly string[]
  readonly exposedHeaders: readonly string[]
  readonly maxAgeSeconds: number
}

/** What a browser asks before it sends a request. */
export interface Preflight {
  readonly origin: string
  readonly method: string
  readonly headers: readonly string[]
}

/** The first rule that lets the request through; the order counts. Null: none does. */
export function findCorsRule(
  rules: readonly CorsRule[],
  { origin, method, headers }: Preflight,
): CorsRule | null {
  const fits = (rule: CorsRule) =>
    allowsOrigin(rule, origin) &&
    rule.allowedMethods.includes(method.toUpperCase()) &&
    headers.every((header) => matchesHeader(rule.allowedHeaders, header))
  return rules.find(fits) ?? null
}

export function allowsAnyOrigin({ allowedOrigins }: CorsRule): boolean {
  return allowedOrigins.includes('*')
}

function allowsOrigin({ allowedOrigins }: CorsRule, origin: string): boolean {
  return allowedOrigins.some((allowed) => {
    const [scheme, domain] = allowed.split('://*.')
    if (allowed === '*' || domain === undefined) return allowed === '*' || allowed === origin
    return origin.startsWith(`${scheme ?? ''}://`) && origin.endsWith(`.${domain}`)
  })
}

/** @param patterns of header names, in any letter case */
export function matchesHeader(patterns: readonly string[], header: string): boolean {
  const name = header.toLowerCase()
  return patterns.some((pattern) => {
    const wanted = pattern.toLowerCase()
    return wanted.endsWith('*') ? name.startsWith(wanted.slice(0, -1)) : name === wanted
  })
}

const MAX_RULES = 5
const MAX_NAMES = 64
const MAX_PREFIXES = 2
const MAX_NAME_LENGTH = 256
const MAX_CHARACTERS = 2048
const MAX_SECONDS = 2_147_483_647
const methods = ['DELETE', 'GET', 'HEAD', 'MERGE', 'PATCH', 'POST', 'OPTIONS', 'PUT']

/** What of the rules is not as Azure takes them, under the name that XML has for it. Null: all are. */
export function corsFlaw(
  rules: readonly CorsRule[],
): { readonly name: string; readonly value: string } | null {
  if (rules.length > MAX_RULES) return { name: 'Cors', value: `${rules.length} rules` }
  for (const rule of rules) {
    const flaw = ruleFlaw(rule)
    if (flaw !== null) return { name: flaw[0], value: flaw[1] }
  }
  const characters = JSON.stringify(rules).length
  return characters > MAX_CHARACTERS ? { name: 'Cors', value: `${characters} characters` } : null
}

function ruleFlaw(rule: CorsRule): readonly [string, string] | null {
  const { allowedOrigins, allowedMethods, allowedHeaders, exposedHeaders, maxAgeSeconds: age } = rule
  if (!areNames(allowedOrigins) || allowedOrigins.length === 0)
    return ['AllowedOrigins', allowedOrigins.join(',')]
  if (allowedMethods.length === 0 || !allowedMethods.every((method) => methods.includes(method)))
    return ['AllowedMethods', allowedMethods.join(',')]
  if (!areHeaders(allowedHeaders)) return ['AllowedHeaders', allowedHeaders.join(',')]
  if (!areHeaders(exposedHeaders)) return ['ExposedHeaders', exposedHeaders.join(',')]
  if (!Number.isInteger(age) || age < 0 || age > MAX_SECONDS) return ['MaxAgeInSeconds', String(age)]
  return null
}

function areNames(names: readonly string[]): boolean {
  return (
    names.length <= MAX_NAMES &&
    names.every((name) => name.length <= MAX_NAME_LENGTH && /^[\x21-\x2b\x2d-\x7e]+$/.test(name))
  )
}

function areHeaders(names: readonly string[]): boolean {
  const prefixes = names.filter((name) => name.endsWith('*') && name !== '*')
  const literals = names.filter((name) => !name.endsWith('*'))
  return areNames(literals) && areNames(prefixes) && prefixes.length <= MAX_PREFIXES
}
