import { type TestRequest, request, serveProtocol } from '../../src/http/testing.ts'
import type { Json, JsonObject } from '../../src/kernel/json.ts'
import { roleAssignments } from '../../src/services/resources/role-assignments.ts'
import { resourceManagerProtocol } from '../../src/wire/resource-manager/index.ts'
import { type EngineBench, OWNER, endpoints, openEngineBench } from './engine-bench.ts'

export const API = 'api-version=2024-01-01'

export interface ArmAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: JsonObject
}

export type ArmBench = Awaited<ReturnType<typeof openArmBench>>

/** The resource manager behind the real pipeline, with an owner who is signed in. */
export async function openArmBench(...given: Parameters<typeof openEngineBench>) {
  const bench: EngineBench = await openEngineBench(...given)
  const protocol = resourceManagerProtocol({
    ...bench,
    roles: roleAssignments({ store: bench.store, activity: bench.activity.log, access: bench.access }),
    endpoints,
  })
  const served = await serveProtocol(protocol, 'management.localhost')
  const tokenOf = async (signedIn: { readonly clientId: string; readonly secret: string }) => {
    const issued = await bench.directory.clientCredentials({
      tenant: bench.tenantId,
      clientId: signedIn.clientId,
      secret: signedIn.secret,
      resource: 'https://management.localhost:8443/',
    })
    return issued.token
  }
  const owner = await bench.signIn(OWNER)
  const ownerToken = await tokenOf(owner)
  /** A path without an api-version gets one; the owner asks unless `token` says who, or null that nobody does. */
  const ask = async (
    method: string,
    path: string,
    options: Omit<TestRequest, 'method'> & { readonly token?: string | null } = {},
  ): Promise<ArmAnswer> => {
    const { token = ownerToken, ...rest } = options
    const full = path.includes('api-version') ? path : `${path}${path.includes('?') ? '&' : '?'}${API}`
    const answer = await request(`${served.url}${full}`, {
      host: 'management.localhost:8443',
      ...rest,
      method,
      headers: { ...(token === null ? {} : { authorization: `Bearer ${token}` }), ...rest.headers },
    })
    return {
      status: answer.status,
      headers: answer.headers,
      body: answer.text === '' ? {} : (answer.json() as JsonObject),
    }
  }
  return {
    ...bench,
    served,
    owner: owner.caller,
    tokenOf,
    ask,
    async [Symbol.asyncDispose]() {
      await served.close()
      await bench[Symbol.asyncDispose]()
    },
  }
}

export function errorOf({ status, body }: ArmAnswer): string {
  const error = body['error'] as JsonObject | undefined
  return `${status} ${text(error?.['code'])}`
}

function text(value: Json | undefined): string {
  return typeof value === 'string' ? value : ''
}
