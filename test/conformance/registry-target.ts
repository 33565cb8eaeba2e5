import { createHash, randomBytes } from 'node:crypto'
import { request as httpsRequest } from 'node:https'
import { type TestRequest, type TestResponse, request } from '../../src/http/testing.ts'
import { collect } from '../../src/kernel/bytes.ts'
import type { Json } from '../../src/kernel/json.ts'

/** A registry as a client sees it. */
export interface RegistryTarget {
  /** Sends one request; the path goes out as it stands. Whatever admits the caller to everything is added here. */
  send(method: string, path: string, options?: Omit<TestRequest, 'method' | 'host'>): Promise<TestResponse>
}

/** A registry in plain HTTP that asks for no credential. */
export function plainTarget(url: string): RegistryTarget {
  return { send: (method, path, options) => request(`${url}${path}`, { ...options, method }) }
}

/** A registry behind TLS on loopback, whatever its host name resolves to. */
export function secureTarget(server: {
  readonly host: string
  readonly port: number
  readonly ca: string
  /** For instance `Basic ...` of the admin user. */
  readonly authorization: string
}): RegistryTarget {
  const { host, port, ca, authorization } = server
  return {
    send: (method, path, { body, headers } = {}) =>
      new Promise((resolve, reject) => {
        const sent = body === undefined || body instanceof Uint8Array ? body : Buffer.from(textOf(body))
        const sending = httpsRequest(
          {
            host: '127.0.0.1',
            port,
            ca,
            servername: host,
            method,
            path,
            agent: false,
            headers: {
              host: `${host}:${port}`,
              authorization,
              ...(sent === undefined ? {} : { 'content-length': String(sent.length) }),
              ...headers,
            },
          },
          (response) => {
            collect(response).then((whole) => {
              const text = whole.toString('utf8')
              resolve({
                status: response.statusCode ?? 0,
                headers: response.headers,
                body: whole,
                text,
                json: () => JSON.parse(text) as Json,
              })
            }, reject)
          },
        )
        sending.on('error', reject)
        sending.end(sent)
      }),
  }
}

function textOf(body: Json): string {
  return typeof body === 'string' ? body : JSON.stringify(body)
}

export function digestOf(bytes: Uint8Array | string, algorithm = 'sha256'): string {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest('hex')}`
}

/** A repository name that no other test uses. */
export function freshName(prefix = 'conf'): string {
  return `${prefix}/${randomBytes(6).toString('hex')}`
}

export function header({ headers }: TestResponse, name: string): string {
  const value = headers[name]
  return Array.isArray(value) ? value.join(', ') : (value ?? '')
}

export function codeOf(response: TestResponse): string {
  const body = response.json() as { errors?: { code?: string; message?: string }[] }
  return body.errors?.[0]?.code ?? ''
}
