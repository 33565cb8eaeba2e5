import { readFile } from 'node:fs/promises'
import type { IncomingHttpHeaders } from 'node:http'
import { Agent, request as sendRequest } from 'node:https'
import { collect } from '../../src/kernel/bytes.ts'
import type { Json, JsonObject } from '../../src/kernel/json.ts'
import type { TestServer } from './strongroom.ts'

export interface RestRequest {
  /** `management` for `management.localhost:<port>`. */
  readonly role: string
  /** GET when left out. */
  readonly method?: string
  /** Goes out as it stands. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  /** Bytes and text go out as they are, a form as one, all else as JSON. */
  readonly body?: Json | Uint8Array | URLSearchParams
}

export interface RestAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly bytes: Buffer
  readonly text: string
  /** @throws SyntaxError when the body is not JSON */
  json(): JsonObject
}

/** An answer that the caller did not want. Network errors are not of this class. */
export class RestError extends Error {
  override readonly name = 'RestError'
  readonly answer: RestAnswer

  constructor(what: string, answer: RestAnswer) {
    super(`${what}: ${answer.status} ${answer.text.slice(0, 500)}`)
    this.answer = answer
  }
}

export interface RestOptions {
  /** Left out, a path gets the version that its provider is known by. */
  readonly apiVersion?: string
}

/** The owner of an installation, speaking to it without az: quick enough to be called thousands of times. */
export interface Rest extends Disposable {
  readonly server: RestTarget
  /** `/subscriptions/<id>` of the owner. */
  readonly subscription: string
  /** Whatever comes of it. */
  send(request: RestRequest): Promise<RestAnswer>
  /** A token of the owner for an audience; kept until `forgetTokens`. */
  token(audience: string): Promise<string>
  /** To the resource manager; `path` begins at the subscription when it does not begin with `/subscriptions`. */
  arm(method: string, path: string, body?: Json, options?: RestOptions): Promise<RestAnswer>
  /** The same, which must work, and is polled to its end. */
  armDone(method: string, path: string, body?: Json, options?: RestOptions): Promise<JsonObject>
  vault(name: string, method: string, path: string, body?: Json): Promise<RestAnswer>
  /** The same, which must work. */
  vaultDone(name: string, method: string, path: string, body?: Json): Promise<JsonObject>
  /** Drops connections and tokens: after a restart of the server. */
  reset(): void
}

export type RestTarget = Pick<TestServer, 'port' | 'caFile' | 'owner'>

const apiVersions: readonly (readonly [part: string, version: string])[] = [
  ['/Microsoft.ContainerRegistry/', '2023-07-01'],
  ['/Microsoft.KeyVault/', '2023-07-01'],
  ['/Microsoft.ManagedIdentity/', '2023-01-31'],
  ['/Microsoft.Storage/', '2024-01-01'],
  ['/Microsoft.Authorization/', '2022-04-01'],
]
const VAULT_API = '7.4'

/** @param login somebody else than the owner */
export async function openRest(
  server: RestTarget,
  login: { readonly clientId: string; readonly secret: string } = {
    clientId: server.owner.clientId,
    secret: server.owner.clientSecret,
  },
): Promise<Rest> {
  const ca = await readFile(server.caFile, 'utf8')
  const newAgent = () => new Agent({ keepAlive: true, maxSockets: 64, ca })
  let agent = newAgent()
  let tokens = new Map<string, Promise<string>>()

  const send: Rest['send'] = ({ role, method = 'GET', path, headers, body }) => {
    const encoded = encode(body)
    return new Promise((resolve, reject) => {
      const sending = sendRequest(
        {
          agent,
          host: `${role}.localhost`,
          port: server.port,
          path,
          method,
          headers: {
            ...(encoded === null
              ? {}
              : { 'content-type': encoded.type, 'content-length': String(encoded.bytes.length) }),
            ...headers,
          },
          // Names below .localhost need no resolver here, and the server listens on this address alone.
          lookup: (_name, options, callback) =>
            options.all === true
              ? callback(null, [{ address: '127.0.0.1', family: 4 }])
              : callback(null, '127.0.0.1', 4),
        },
        (response) => {
          collect(response).then((whole) => {
            const bytes = Buffer.from(whole)
            const text = bytes.toString('utf8')
            resolve({
              status: response.statusCode ?? 0,
              headers: response.headers,
              bytes,
              text,
              json: () => JSON.parse(text) as JsonObject,
            })
          }, reject)
        },
      )
      sending.on('error', reject)
      sending.end(encoded?.bytes)
    })
  }

  const fetchToken = async (audience: string): Promise<string> => {
    const answer = await send({
      role: 'login',
      method: 'POST',
      path: `/${server.owner.tenantId}/oauth2/v2.0/token`,
      body: new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: login.clientId,
        client_secret: login.secret,
        scope: `${audience}/.default`,
      }),
    })
    return text(wanted('token', answer)['access_token'])
  }
  const token: Rest['token'] = (audience) => {
    const known = tokens.get(audience)
    if (known !== undefined) return known
    const fetched = fetchToken(audience)
    tokens.set(audience, fetched)
    fetched.catch(() => tokens.delete(audience))
    return fetched
  }
  const ownUrl = (role: string) => `https://${role}.localhost:${server.port}`
  const as = async (role: string) => ({ authorization: `Bearer ${await token(ownUrl(role))}` })

  const subscription = `/subscriptions/${server.owner.subscriptionId}`
  const arm: Rest['arm'] = async (method, path, body, { apiVersion } = {}) => {
    const version = apiVersion ?? apiVersions.find(([part]) => path.includes(part))?.[1] ?? '2021-04-01'
    const from = path.startsWith('/subscriptions') ? path : `${subscription}${path}`
    return send({
      role: 'management',
      method,
      path: `${from}${from.includes('?') ? '&' : '?'}api-version=${version}`,
      headers: await as('management'),
      ...(body === undefined ? {} : { body }),
    })
  }
  const vault: Rest['vault'] = async (name, method, path, body) =>
    send({
      role: `${name}.vault`,
      method,
      path: `${path}${path.includes('?') ? '&' : '?'}api-version=${VAULT_API}`,
      headers: await as('vault'),
      ...(body === undefined ? {} : { body }),
    })
  const polled = async (first: RestAnswer): Promise<RestAnswer> => {
    let answer = first
    while (answer.status === 202) {
      const next = new URL(answer.headers.location ?? '')
      await new Promise((resolve) => setTimeout(resolve, 20))
      answer = await send({
        role: 'management',
        path: next.pathname + next.search,
        headers: await as('management'),
      })
    }
    return answer
  }

  return {
    server,
    subscription,
    send,
    token,
    arm,
    armDone: async (method, path, body, options) =>
      wanted(`${method} ${path}`, await polled(await arm(method, path, body, options))),
    vault,
    vaultDone: async (name, method, path, body) =>
      wanted(`${method} ${name}${path}`, await vault(name, method, path, body)),
    reset() {
      agent.destroy()
      agent = newAgent()
      tokens = new Map()
    },
    [Symbol.dispose]: () => agent.destroy(),
  }
}

/** The parsed body of an answer with a status below 300; `{}` for none. @throws RestError */
export function wanted(what: string, answer: RestAnswer): JsonObject {
  if (answer.status >= 300) throw new RestError(what, answer)
  return answer.text === '' ? {} : answer.json()
}

export function text(value: Json | undefined): string {
  return typeof value === 'string' ? value : ''
}

function encode(body: RestRequest['body']): { readonly bytes: Buffer; readonly type: string } | null {
  if (body === undefined) return null
  if (body instanceof URLSearchParams) {
    return { bytes: Buffer.from(body.toString()), type: 'application/x-www-form-urlencoded' }
  }
  if (body instanceof Uint8Array) return { bytes: Buffer.from(body), type: 'application/octet-stream' }
  return { bytes: Buffer.from(JSON.stringify(body)), type: 'application/json' }
}
