import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Random, random } from '../../support/random.ts'
import {
  type Answer,
  type Attack,
  type Route,
  type Target,
  allRoutes,
  filled,
  formProblem,
  openTarget,
  placeholderValues,
  roleOf,
} from '../../support/hostile.ts'
import { randomImage } from '../../support/random-image.ts'
import { restRegistry } from '../../support/rest-registry.ts'
import { validBodies } from '../../support/valid-bodies.ts'

/** The same requests each time; FUZZ_SEED tries others, FUZZ_ROUNDS more. */
const SEED = Number(process.env['FUZZ_SEED'] ?? 20_261_124)
const ROUNDS = Number(process.env['FUZZ_ROUNDS'] ?? 40)
const AT_ONCE = 12

const nasty = [
  '',
  ' ',
  '.',
  '..',
  '%2e%2e',
  '..%2f..%2fetc%2fpasswd',
  '%2F',
  '%5c..%5c',
  '%00',
  'a%00b',
  '%0d%0aSet-Cookie:%20a=b',
  '%ff%fe',
  '%ED%A0%80',
  '%',
  '%zz',
  '%25%32%65',
  '%ED%95%9C',
  '%F0%9F%94%91',
  '%22,error=%22x',
  '%E2%80%A8',
  '\u00e9',
  '__proto__',
  'constructor',
  'prototype',
  'hasOwnProperty',
  'toString',
  'null',
  'undefined',
  'true',
  'NaN',
  '-1',
  '0',
  '1e309',
  '99999999999999999999999',
  "'",
  '"',
  "' or 1=1 --",
  '$(id)',
  '{{7*7}}',
  '*',
  '~',
  ';',
  '@',
  '#',
  '\\',
  '<script>',
  'sha256:',
  `sha256:${'a'.repeat(63)}`,
  `sha256:${'A'.repeat(64)}`,
  `md5:${'a'.repeat(32)}`,
  `sha512:${'0'.repeat(128)}`,
  '_catalog',
  '_tags',
  '_manifests',
  'a/b/c',
  'a//b',
  'blobs/uploads',
  'A'.repeat(300),
  'a/'.repeat(600),
  '-'.repeat(2000),
  '00000000-0000-0000-0000-000000000000',
]

const queries = [
  'api-version',
  '$filter',
  '$top',
  '$skiptoken',
  '$expand',
  '$include',
  '$maxpagesize',
  'n',
  'last',
  'at',
  'orderby',
  'digest',
]
const moreQueries = [
  'mount',
  'from',
  'tag',
  'artifactType',
  'scope',
  'service',
  'maxresults',
  'resource',
  'client_id',
]
const filters = [
  "eventTimestamp ge '-271821-04-20T00:00:00Z'",
  "eventTimestamp le '+275760-09-13T00:00:00Z' and eventTimestamp ge '0000-01-01'",
  "name eq '' and resourceType eq '__proto__'",
  'atScope()',
  "principalId eq 'x'",
  `name eq '${"''".repeat(900)}`,
  "startswith(displayName,'a') and appId eq 'x'",
  'a'.repeat(3_000),
]
const headerNames = [
  'content-type',
  'accept',
  'range',
  'if-range',
  'if-none-match',
  'content-range',
  'content-encoding',
]
const moreHeaders = [
  'x-ms-client-request-id',
  'x-ms-correlation-request-id',
  'client-request-id',
  'metadata',
  'expect',
]
const spoofs = [
  'x-forwarded-for',
  'x-original-url',
  'x-http-method-override',
  'x-identity-header',
  'te',
  'upgrade',
]
const headerValues = [
  '',
  '0-0',
  'bytes=-0',
  'bytes=0-99999999999999999999',
  'bytes=5-1',
  'bytes=0-1,3-4',
  '999999999999999-1',
  'gzip',
  'application/json; charset=utf-16',
  'multipart/form-data; boundary=x',
  'application/vnd.oci.image.manifest.v1+json',
  '*/*',
  '100-continue',
  'true',
  '\u00ff\u00fe',
  'x'.repeat(4_000),
  '"sha256:0"',
  'W/"x"',
  '127.0.0.1',
]
const methods = ['GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE', 'PROPFIND', 'LINK']

const scalars: readonly unknown[] = [
  null,
  true,
  -1,
  0,
  1.5,
  1e308,
  Number.MAX_SAFE_INTEGER,
  '',
  ' ',
  '\u0000',
  '\ud800',
  '\u202e',
  '__proto__',
  '2020-13-40T99:99:99Z',
  'https://169.254.169.254/metadata',
  "[concat(parameters('x'))]",
  'x'.repeat(5_000),
  [],
  {},
  [[[[]]]],
  { constructor: { prototype: { polluted: true } } },
]

let target: Target
beforeAll(async () => {
  target = await openTarget()
  await restRegistry(target.rest, target.estate.registry).push('hello', 'v1', randomImage([1_000]))
})
afterAll(() => target[Symbol.asyncDispose]())

it('no request, however bent, makes the server answer 5xx, hang, crash or meet what nobody foresaw', async () => {
  console.log(`seed ${SEED}, ${ROUNDS} rounds: FUZZ_SEED and FUZZ_ROUNDS change them`)
  const dice = random(SEED)
  const credentials = await credentialsFor(target)
  // What deletes goes last: until then there is something to be found.
  const routes = allRoutes().toSorted((a, b) => Number(a.method === 'DELETE') - Number(b.method === 'DELETE'))
  const attacks = routes.flatMap((route) =>
    Array.from({ length: ROUNDS }, () => ({ route, attack: bend(dice, route, credentials) })),
  )
  const wrong: string[] = []
  const statuses = new Map<number, number>()
  const next = attacks.values()
  const worker = async () => {
    for (const { route, attack } of next) {
      const told = `${route.protocol} ${route.id}: ${attack.method} ${attack.path.slice(0, 200)} ${JSON.stringify(attack.headers).slice(0, 300)} ${String(attack.body).slice(0, 300)}`
      try {
        const answer = await target.send(attack)
        statuses.set(answer.status, (statuses.get(answer.status) ?? 0) + 1)
        const problem = problemOf(route, attack, answer)
        if (problem !== null)
          wrong.push(`${problem} <- ${told} -> ${answer.status} ${answer.text.slice(0, 200)}`)
      } catch (error) {
        // The server may close on what is no HTTP; it may not hang.
        const code = (error as NodeJS.ErrnoException).code ?? String(error)
        if (code !== 'ECONNRESET' && code !== 'EPIPE') wrong.push(`${code} <- ${told}`)
      }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  console.log(
    [...statuses]
      .sort(([a], [b]) => a - b)
      .map(([status, count]) => `${status}: ${count}`)
      .join(', '),
  )
  expect(wrong.slice(0, 20)).toEqual([])
  expect(target.bugs()).toEqual([])
  // Still up, and not poisoned.
  const live = await fetch(`http://127.0.0.1:${target.server.metricsPort}/health/live`)
  expect(live.status).toBe(200)
  expect((await target.rest.arm('GET', '/resourceGroups')).status).toBe(200)
}, 120_000)

function problemOf({ protocol, host }: Route, attack: Attack, answer: Answer): string | null {
  const { status, text } = answer
  if (status >= 500 && !(status === 503 && answer.headers['retry-after'] !== undefined))
    return 'a server error'
  if (/\bat .*\.ts:\d+|node:internal|SQLITE_|nobody foresaw/.test(text)) return 'it shows its inside'
  if (attack.method === 'HEAD' || host === '*.unknown') return null
  // What Node itself refuses has no body.
  if (text === '' && (status === 400 || status === 431 || status === 405)) return null
  const problem = formProblem(protocol, answer)
  return problem === null ? null : `the error ${problem}`
}

interface Credentials {
  readonly [protocol: string]: readonly string[]
}

async function credentialsFor({ rest, estate, server }: Target): Promise<Credentials> {
  const own = (role: string) => `https://${role}.localhost:${server.port}`
  const [management, vault, graph, directory] = await Promise.all([
    rest.token(own('management')),
    rest.token(own('vault')),
    rest.token(own('graph')),
    rest.token('https://containerregistry.azure.net'),
  ])
  const service = `${estate.registry}.azurecr.localhost:${server.port}`
  const role = `${estate.registry}.azurecr`
  const exchange = await rest.send({
    role,
    method: 'POST',
    path: '/oauth2/exchange',
    body: new URLSearchParams({ grant_type: 'access_token', service, access_token: directory }),
  })
  const refresh = exchange.json()['refresh_token'] as string
  const scope = 'repository:hello:* registry:catalog:*'
  const got = await rest.send({
    role,
    method: 'POST',
    path: '/oauth2/token',
    body: new URLSearchParams({ grant_type: 'refresh_token', service, scope, refresh_token: refresh }),
  })
  const { clientId, clientSecret } = server.owner
  return {
    'resource-manager': [`Bearer ${management}`],
    'key-vault': [`Bearer ${vault}`],
    graph: [`Bearer ${graph}`],
    registry: [
      `Bearer ${got.json()['access_token'] as string}`,
      // Of any repository.
      `Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`,
    ],
    entra: [`Basic ${Buffer.from(`${clientId}:${clientSecret}`).toString('base64')}`],
    'managed-identity': [],
  }
}

const badCredentials = [
  '',
  'Bearer',
  'Bearer x',
  'Bearer a.b.c',
  'Basic !!!!',
  'Basic Og==',
  'Bearer \u00ff',
  `Bearer ${'x'.repeat(20_000)}`,
]

function bend(dice: Random, route: Route, credentials: Credentials): Attack {
  const valid = dice.one(credentials[route.protocol] ?? []) ?? ''
  const authorization = dice.chance(0.8) ? valid : dice.one(badCredentials)
  const fitting = validBodies(target).filter(({ fits }) => fits.test(route.id))
  const chosen = dice.one(fitting.length > 0 && dice.chance(0.8) ? fitting : validBodies(target))
  const method = dice.chance(0.9) ? route.method : dice.of(methods)
  return {
    role: roleOf(target, route),
    method,
    path: bentPath(dice, { ...route, method }, chosen?.rest),
    headers: {
      ...bentHeaders(dice, route),
      ...(authorization === undefined || authorization === '' ? {} : { authorization }),
    },
    ...bentBody(dice, route, chosen?.body ?? {}),
  }
}

function bentPath(dice: Random, route: Route, rest: string | undefined): string {
  const names = Object.keys(placeholderValues(target, route)).filter((name) =>
    route.path.includes(`{${name}`),
  )
  const replaced = Object.fromEntries(
    names.filter(() => dice.chance(0.25)).map((name) => [name, dice.of(nasty)]),
  )
  if (rest !== undefined) replaced['rest'] ??= rest
  // A mutant must not take away the ground under the others.
  if (route.method === 'DELETE' && /\{(group|rest\+|name)\}$/.test(route.path)) replaced['group'] = 'nothing'
  let path = filled(target, route, replaced)
  for (let more = Math.max(0, dice.number(4) - 1); more > 0; more--) {
    const name = dice.chance(0.85)
      ? dice.of([...queries, ...moreQueries])
      : encodeURIComponent(dice.of(nasty).slice(0, 100))
    const value =
      name === '$filter' ? encodeURIComponent(dice.of(filters)) : dice.of(nasty).replace('#', '%23')
    path += `${path.includes('?') ? '&' : '?'}${name}=${value}`
  }
  if (dice.chance(0.05)) path += dice.of(['/', '//', '/.', '?', '?&&&==', '%20', '/%2e%2e/x'])
  // Raw blanks and control characters are for the raw tests: the client here refuses to send them.
  return path.replaceAll(' ', '%20')
}

function bentHeaders(dice: Random, route: Route): Record<string, string> {
  const headers: Record<string, string> = route.protocol === 'managed-identity' ? { metadata: 'true' } : {}
  for (let more = Math.max(0, dice.number(4) - 1); more > 0; more--) {
    const name = dice.of([...headerNames, ...moreHeaders, ...spoofs])
    headers[name] = dice.of(headerValues)
  }
  return headers
}

function bentBody(dice: Random, route: Route, valid: object): { readonly body?: string | Uint8Array } {
  if (route.method === 'GET' || route.method === 'HEAD') return dice.chance(0.05) ? { body: 'x' } : {}
  const kind = dice.number(20)
  if (kind === 0) return {}
  if (kind === 1)
    return { body: dice.of(['{', '[', '"', 'null', '{"a":1,"a":2}', '\ufeff{}', '{"a":}', '[1,]']) }
  if (kind === 2) return { body: '['.repeat(50_000) }
  if (kind === 3) return { body: new Uint8Array([0xff, 0xfe, 0x00, 0x7b, 0x7d, 0xc3, 0x28]) }
  if (kind === 4) return { body: '{"__proto__":{"enabled":true},"constructor":{"prototype":{}}}' }
  if (kind === 5) return { body: `{"tags":{"a":${'9'.repeat(400)}},"properties":1e999}` }
  if (kind === 6)
    return {
      body: `grant_type=client_credentials&scope=${dice.of(nasty)}&client_id=${dice.of(nasty)}&client_secret=%ff`,
    }
  if (kind === 7)
    return {
      body: `grant_type=refresh_token&refresh_token=${dice.of(nasty)}&scope=${'repository:a:pull '.repeat(500)}`,
    }
  return { body: JSON.stringify(bent(dice, valid, 0)) }
}

/** A valid body with some of it replaced, left out, renamed or doubled. */
function bent(dice: Random, value: unknown, depth: number): unknown {
  if (depth > 0 && dice.chance(0.06)) return dice.of(scalars)
  if (Array.isArray(value)) {
    const items = (value as readonly unknown[]).map((item) => bent(dice, item, depth + 1))
    return dice.chance(0.05) ? Array.from({ length: 2_000 }, () => items[0]) : items
  }
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).flatMap(([name, part]): [string, unknown][] => {
    if (dice.chance(0.02)) return []
    const key = dice.chance(0.02)
      ? dice.of(['__proto__', 'constructor', '', name.toUpperCase(), '\u0000'])
      : name
    return [[key, bent(dice, part, depth + 1)]]
  })
  return Object.fromEntries(entries)
}
