import { readFile } from 'node:fs/promises'
import { type IncomingHttpHeaders, request as plainRequest } from 'node:http'
import { Agent, type RequestOptions, request as secureRequest } from 'node:https'
import { connect as connectPlain } from 'node:net'
import { connect } from 'node:tls'
import { type JsonObject, isJsonObject } from '../../src/kernel/json.ts'
import { publicHosts } from '../../src/server/protocols.ts'
import type { Services } from '../../src/server/services.ts'
import { managedIdentityProtocol } from '../../src/wire/managed-identity/index.ts'
import { type Estate, makeEstate } from './estate.ts'
import { type Rest, openRest, text, wanted } from './rest.ts'
import { freePort } from './free-port.ts'
import { type TestServer, startStrongroom } from './strongroom.ts'

export interface Attack {
  /** Without domain and port: `management`, `kv1.vault`. Null: the managed-identity port. */
  readonly role: string | null
  readonly method: string
  /** Goes out as it stands. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string | string[]>>
  readonly body?: string | Uint8Array
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
}

/** A server with an estate and an open managed-identity port, and ways to speak to it that no client has. */
export interface Target extends AsyncDisposable {
  readonly server: TestServer
  readonly rest: Rest
  readonly estate: Estate
  /** Of the managed-identity endpoint. */
  readonly identityPort: number
  /** Rejects when there is no answer within ten seconds, or the connection breaks. */
  send(attack: Attack): Promise<Answer>
  /** Bytes on a connection of their own; what comes back until it ends or falls silent for `quietMs`. */
  raw(role: string | null, bytes: string | Uint8Array, quietMs?: number): Promise<string>
  /** What the server's log says that none should: things that nobody foresaw. */
  bugs(): readonly string[]
}

const HANG_MS = 10_000

export async function openTarget(args: readonly string[] = []): Promise<Target> {
  // Which identity the endpoint may serve is an option, and the identity is made by a server.
  const first = await startStrongroom()
  const before = await openRest(first)
  const estate = await makeEstate(before)
  before[Symbol.dispose]()
  await first.stop()
  const identityPort = await freePort()
  const server = await startStrongroom({
    dataDir: first.dataDir,
    port: first.port,
    args: ['--identity-endpoint', `${identityPort}=${estate.identity.principalId}`, ...args],
  })
  const rest = await openRest(server)
  await makeStorageAccount(rest, estate)
  const ca = await readFile(server.caFile, 'utf8')
  const agent = new Agent({ keepAlive: true, maxSockets: 32, ca })

  function send({ role, method, path, headers, body }: Attack): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const options: RequestOptions = {
        method,
        path,
        ...(headers === undefined ? {} : { headers }),
        host: '127.0.0.1',
        timeout: HANG_MS,
      }
      const sending =
        role === null
          ? plainRequest({ ...options, port: identityPort })
          : secureRequest({
              ...options,
              agent,
              port: server.port,
              servername: `${role}.localhost`,
              headers: { host: `${role}.localhost:${server.port}`, ...headers },
            })
      sending.once('response', (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk))
        response.once('error', reject)
        response.once('end', () =>
          resolve({
            status: response.statusCode ?? 0,
            headers: response.headers,
            text: Buffer.concat(chunks).toString('utf8'),
          }),
        )
      })
      sending.once('timeout', () => sending.destroy(new Error(`no answer in ${HANG_MS} ms`)))
      sending.once('error', reject)
      sending.end(body)
    })
  }

  function raw(role: string | null, bytes: string | Uint8Array, quietMs = 500): Promise<string> {
    return new Promise((resolve, reject) => {
      const socket =
        role === null
          ? connectPlain(identityPort, '127.0.0.1')
          : connect({ host: '127.0.0.1', port: server.port, servername: `${role}.localhost`, ca })
      const heard: Buffer[] = []
      socket.setTimeout(quietMs, () => socket.destroy())
      socket.on('data', (chunk: Buffer) => heard.push(chunk))
      socket.once('error', (error: NodeJS.ErrnoException) => {
        // A reset is an end like any other: what counts is what was heard before.
        if (error.code !== 'ECONNRESET' && error.code !== 'EPIPE') reject(error)
      })
      socket.once('close', () => resolve(Buffer.concat(heard).toString('latin1')))
      socket.write(bytes)
    })
  }

  return {
    server,
    rest,
    estate,
    identityPort,
    send,
    raw,
    bugs: () =>
      server
        .output()
        .split('\n')
        .filter((line) => /nobody foresaw|in the background failed|stays for the sweeper/.test(line)),
    async [Symbol.asyncDispose]() {
      agent.destroy()
      rest[Symbol.dispose]()
      await server[Symbol.asyncDispose]()
      await first[Symbol.asyncDispose]()
    },
  }
}

/** Of the same name as the registry: host names of both differ. */
async function makeStorageAccount(rest: Rest, { group, registry }: Estate): Promise<void> {
  const path = `/resourceGroups/${group}/providers/Microsoft.Storage/storageAccounts/${registry}`
  await rest.armDone('PUT', path, {
    location: 'eastus',
    kind: 'StorageV2',
    sku: { name: 'Standard_LRS' },
    // Otherwise whoever comes without a credential is told that, and not to bring one.
    properties: { allowBlobPublicAccess: true },
  })
}

/** Another principal of the owner's tenant: no role, no policy, no right in the directory. */
export interface Stranger {
  readonly login: { readonly clientId: string; readonly secret: string }
  readonly principalId: string
  /** Of its application. */
  readonly objectId: string
  readonly rest: Rest
}

export async function makeStranger({ server, rest }: Pick<Target, 'server' | 'rest'>, name: string) {
  const application = await graph(rest, 'POST', '/v1.0/applications', { displayName: name })
  const objectId = text(application['id'])
  const clientId = text(application['appId'])
  const principal = await graph(rest, 'POST', '/v1.0/servicePrincipals', { appId: clientId })
  const password = await graph(rest, 'POST', `/v1.0/applications/${objectId}/addPassword`, {})
  const login = { clientId, secret: text(password['secretText']) }
  const stranger: Stranger = {
    login,
    principalId: text(principal['id']),
    objectId,
    rest: await openRest(server, login),
  }
  return stranger
}

/** As the rest's principal; must work. */
export async function graph(
  rest: Rest,
  method: string,
  path: string,
  body?: JsonObject,
): Promise<JsonObject> {
  const authorization = `Bearer ${await rest.token(`https://graph.localhost:${rest.server.port}`)}`
  const answer = await rest.send({
    role: 'graph',
    method,
    path,
    headers: { authorization },
    ...(body === undefined ? {} : { body }),
  })
  return wanted(`${method} ${path}`, answer)
}

/** One operation of one protocol, as the server's own tables have it: none can be forgotten. */
export interface Route {
  readonly protocol: string
  /** `*` stands for a vault's or a registry's name. Null: the managed-identity port. */
  readonly host: string | null
  readonly id: string
  readonly method: string
  readonly path: string
  readonly query: Readonly<Record<string, string | true>>
  readonly needs: unknown
  readonly body: string
}

export function allRoutes(): readonly Route[] {
  // The tables are made without their services, which only `run` needs.
  const unused: object = new Proxy({}, { get: () => unused })
  const endpoints = { domain: 'localhost', port: 8443 }
  const hosts = publicHosts(unused as Services, endpoints, { now: () => new Date(0) })
  const local = managedIdentityProtocol({ endpoint: unused as never })
  return [
    // Path style is the same table once more.
    ...hosts
      .filter(({ host }) => host !== 'address')
      .map(({ host, protocol }) => ({ host: host.replace(/\.localhost$/, ''), protocol })),
    { host: null, protocol: local },
  ].flatMap(({ host, protocol }) =>
    protocol.operations.map(({ id, method, path, query, needs, body }) => ({
      protocol: protocol.name,
      host,
      id,
      method,
      path,
      query: query ?? {},
      needs,
      body: body.kind,
    })),
  )
}

/** What is wrong with an error as that protocol words it; null when nothing is. */
export function formProblem(protocol: string, { headers, text: body, status }: Answer): string | null {
  if (status < 400) return null
  if (protocol === 'website') return /^<!DOCTYPE html><html>/.test(body) ? null : 'is no page'
  if (protocol === 'blob') return isStorageError(body) ? null : 'is no error of the storage services'
  if (!/^application\/json/.test(headers['content-type'] ?? '')) return 'is not JSON'
  let json: unknown
  try {
    json = JSON.parse(body)
  } catch {
    return 'does not parse'
  }
  if (!isJsonObject(json)) return 'is no object'
  const [first] = Array.isArray(json['errors']) ? (json['errors'] as readonly unknown[]) : []
  const carrier =
    protocol === 'registry'
      ? first
      : protocol === 'entra' || protocol === 'managed-identity'
        ? json
        : json['error']
  if (!isJsonObject(carrier)) return 'has no error'
  const names =
    protocol === 'entra' || protocol === 'managed-identity'
      ? ['error', 'error_description']
      : ['code', 'message']
  const missing = names.find((name) => typeof carrier[name] !== 'string' || carrier[name] === '')
  return missing === undefined ? null : `has no ${missing}`
}

function isStorageError(body: string): boolean {
  return /^\ufeff?<\?xml [^>]*\?><Error><Code>\w+<\/Code><Message>[^<]+<\/Message>/.test(body)
}

/** Where a route of that table is served in the target. */
export function roleOf({ estate }: Pick<Target, 'estate'>, { protocol, host }: Route): string | null {
  const name = protocol === 'key-vault' ? estate.vault : estate.registry
  return host === null ? null : host.replace('*', name)
}

const NOBODY = '00000000-0000-4000-8000-000000000000'

/** What a placeholder stands for in the estate, where there is such a thing. */
export function placeholderValues({ rest, estate }: Pick<Target, 'rest' | 'estate'>, route: Route) {
  const { tenantId, subscriptionId } = rest.server.owner
  const values: Readonly<Record<string, string>> = {
    tenant: tenantId,
    subscription: subscriptionId,
    group: estate.group,
    resource: `subscriptions/${subscriptionId}/resourceGroups/${estate.group}/providers/Microsoft.KeyVault/vaults/${estate.vault}`,
    scope: `subscriptions/${subscriptionId}/resourceGroups/${estate.group}`,
    rest: `Microsoft.ContainerRegistry/registries/${estate.registry}`,
    namespace: 'Microsoft.ContainerRegistry',
    feature: 'feature1',
    operation: NOBODY,
    id: NOBODY,
    version: estate.keyId.split('/').at(-1) ?? '',
    reference: 'v1',
    tag: 'v1',
    uploadId: NOBODY,
    digest: `sha256:${'0'.repeat(64)}`,
    name: route.protocol === 'key-vault' ? estate.keyName : route.protocol === 'registry' ? 'hello' : NOBODY,
  }
  return values
}

/** The path of a route with its placeholders filled in, its query and an api-version where the protocol wants one. */
export function filled(
  target: Pick<Target, 'rest' | 'estate'>,
  route: Route,
  replaced: Readonly<Record<string, string>> = {},
): string {
  const values = { ...placeholderValues(target, route), ...replaced }
  const path = route.path.replace(/\{([A-Za-z]+)[?+]?\}/g, (_, name: string) => values[name] ?? name)
  const query = Object.entries(route.query).map(([name, value]) => `${name}=${value === true ? 'x' : value}`)
  if (route.protocol === 'key-vault') query.push('api-version=7.4')
  if (route.protocol === 'resource-manager') query.push('api-version=2023-07-01')
  return query.length === 0 ? path : `${path}?${query.join('&')}`
}
