import type { TokenCredential } from '@azure/identity'
import type { TestServer } from './strongroom.ts'

export interface ArmReply {
  readonly status: number
  readonly body: Json
}

export type Json = Readonly<Record<string, unknown>>

/** The resource manager as `az rest` reaches it: for what the clients do not show, above all statuses and old versions. */
export interface ArmClient {
  /** `path` is below the subscription. */
  (method: string, path: string, apiVersion: string, body?: unknown): Promise<ArmReply>
  /** Throws unless it went well. */
  ok(method: string, path: string, apiVersion: string, body?: unknown): Promise<Json>
  /** Of the token's principal. */
  objectId(): Promise<string>
}

export function armClient(server: TestServer, credential: TokenCredential): ArmClient {
  const origin = server.url('management')
  const token = async () => {
    const got = await credential.getToken(`${origin}/.default`)
    if (got === null) throw new Error('no token for the resource manager')
    return got.token
  }
  const call = async (
    method: string,
    path: string,
    apiVersion: string,
    body?: unknown,
  ): Promise<ArmReply> => {
    const separator = path.includes('?') ? '&' : '?'
    const url = `${origin}/subscriptions/${server.owner.subscriptionId}${path}${separator}api-version=${apiVersion}`
    const response = await fetch(url, {
      method,
      headers: { authorization: `Bearer ${await token()}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await response.text()
    return { status: response.status, body: (text === '' ? {} : JSON.parse(text)) as Json }
  }
  return Object.assign(call, {
    async ok(method: string, path: string, apiVersion: string, body?: unknown): Promise<Json> {
      const reply = await call(method, path, apiVersion, body)
      if (reply.status >= 300)
        throw new Error(`${method} ${path}: ${reply.status} ${JSON.stringify(reply.body)}`)
      return reply.body
    },
    async objectId(): Promise<string> {
      const [, claims = ''] = (await token()).split('.')
      return (JSON.parse(Buffer.from(claims, 'base64url').toString()) as { oid: string }).oid
    },
  })
}
