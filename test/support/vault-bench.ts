import type { Guid } from '../../src/kernel/guid.ts'
import { isJsonObject, type Json, type JsonObject } from '../../src/kernel/json.ts'
import type { TestResponse } from '../../src/http/testing.ts'
import { request, serveProtocol } from '../../src/http/testing.ts'
import type { VaultAuditEvent } from '../../src/services/activity/activity.ts'
import type { Caller } from '../../src/services/directory/caller.ts'
import { parseResourceId } from '../../src/services/resources/resource-id.ts'
import { vaultResourceProvider } from '../../src/services/vault/resource-provider.ts'
import { type VaultService, openVault } from '../../src/services/vault/vault-service.ts'
import { keyVaultProtocol } from '../../src/wire/key-vault/index.ts'
import { OWNER, endpoints, openEngineBench } from './engine-bench.ts'

export type VaultBench = Awaited<ReturnType<typeof openVaultBench>>

export const VAULT_API = '2023-07-01'
export const AUDIENCE = 'https://vault.localhost:8443'

/** One who may call: as the resource manager and as a vault see him. */
export interface Someone {
  readonly caller: Caller
  readonly token: string
  /** A token of now: tests move the clock. */
  readonly signInAgain: () => Promise<string>
}

/** Vaults over real records, directory, access, audit and resource manager, served by the real pipeline. */
export async function openVaultBench() {
  let vault: VaultService | null = null
  const opened = (): VaultService => {
    if (vault === null) throw new Error('the vault is not open yet')
    return vault
  }
  const engine = await openEngineBench((store) => [
    vaultResourceProvider({
      resources: store,
      vault: {
        get deleted() {
          return opened().deleted
        },
        endpoints,
        vaultChanged: (resource, change) => opened().vaultChanged(resource, change),
      },
    }),
  ])
  const audited: VaultAuditEvent[] = []
  /** What the machine's monotonic clock says, and whether the audit's disk works. */
  const state = { monotonicMs: 1_000, auditFails: false }
  vault = await openVault({
    records: engine.records,
    recordKey: engine.keys.record,
    resources: engine.store,
    directory: engine.directory,
    access: engine.access,
    audit: {
      async record(event) {
        if (state.auditFails) throw new Error('the disk is full')
        await engine.activity.audit.record(event)
        audited.push(event)
      },
    },
    clock: engine.clock,
    monotonic: () => state.monotonicMs,
    endpoints,
    scrub: () => engine.records.scrub(),
  })
  const served = await serveProtocol(keyVaultProtocol(vault), '*.vault.localhost')
  const owner = await signIn(OWNER)
  const group = { subscriptionId: engine.subscriptionId, resourceGroup: 'rg1' }
  await engine.resources.putGroup(engine.call(owner.caller), { ...group, body: { location: 'koreacentral' } })

  async function signIn(roleId: Guid | null = null): Promise<Someone> {
    const { caller, clientId, secret } = await engine.signIn(roleId)
    const credentials = { tenant: engine.tenantId, clientId, secret, resource: AUDIENCE }
    const signInAgain = async () => (await engine.directory.clientCredentials(credentials)).token
    return { caller, token: await signInAgain(), signInAgain }
  }

  function idOf(path: string) {
    const id = parseResourceId(
      `/subscriptions/${engine.subscriptionId}/resourceGroups/rg1/providers/Microsoft.KeyVault/${path}`,
    )
    if (id === null) throw new Error(path)
    return id
  }

  async function put(path: string, body: JsonObject, apiVersion = VAULT_API) {
    const call = engine.call(owner.caller, apiVersion)
    const { resource } = await engine.resources.write(call, { id: idOf(path), body, isPatch: false })
    return resource
  }

  const policyOf = ({ caller }: Someone, ...keys: string[]): JsonObject => ({
    tenantId: engine.tenantId,
    objectId: caller.principalId,
    permissions: { keys },
  })

  /** A vault in which the owner may do all with keys. */
  async function putVault(name: string, properties: JsonObject = {}, apiVersion = VAULT_API) {
    const own = {
      tenantId: engine.tenantId,
      sku: { family: 'A', name: 'standard' },
      accessPolicies: [policyOf(owner, 'all')],
    }
    return await put(`vaults/${name}`, { properties: { ...own, ...properties } }, apiVersion)
  }

  /** A request to a vault's data plane, by the owner unless another token (or none: null) is given. */
  async function ask(
    method: string,
    path: string,
    options: {
      readonly vault?: string
      readonly token?: string | null
      readonly body?: Json | Uint8Array
      readonly apiVersion?: string | null
      readonly headers?: Readonly<Record<string, string>>
    } = {},
  ): Promise<TestResponse> {
    const { token = await owner.signInAgain(), apiVersion = '7.4', body } = options
    const mark = path.includes('?') ? '&' : '?'
    return await request(
      `${served.url}${path}${apiVersion === null ? '' : `${mark}api-version=${apiVersion}`}`,
      {
        host: `${options.vault ?? 'kv1'}.vault.localhost:8443`,
        method,
        headers: { ...(token === null ? {} : { authorization: `Bearer ${token}` }), ...options.headers },
        ...(body === undefined ? {} : { body }),
      },
    )
  }

  /** Lets that much time pass, for the machine as for its date. */
  function pass(ms: number): void {
    state.monotonicMs += ms
    engine.bench.now = new Date(engine.bench.now.getTime() + ms)
  }

  return {
    engine,
    vault,
    served,
    audited,
    state,
    owner,
    signIn,
    idOf,
    put,
    putVault,
    policyOf,
    ask,
    pass,
    tenantId: engine.tenantId,
    async [Symbol.asyncDispose]() {
      await served.close()
      vault.close()
      await engine[Symbol.asyncDispose]()
    },
  }
}

/** `403 Forbidden KeyDisabled`, `200`. */
export function outcome(response: TestResponse): string {
  if (response.status < 300) return String(response.status)
  const error = objectIn(response.json(), 'error')
  const inner = isJsonObject(error['innererror']) ? ` ${textIn(error['innererror'], 'code')}` : ''
  return `${response.status} ${textIn(error, 'code')}${inner}`
}

export function objectIn(json: Json | undefined, name: string): JsonObject {
  const value = isJsonObject(json) ? json[name] : undefined
  if (!isJsonObject(value)) throw new Error(`no object ${name} in ${JSON.stringify(json)}`)
  return value
}

export function textIn(json: Json | undefined, name: string): string {
  const value = isJsonObject(json) ? json[name] : undefined
  if (typeof value !== 'string') throw new Error(`no text ${name} in ${JSON.stringify(json)}`)
  return value
}
