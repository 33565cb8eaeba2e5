import { DirectoryFault } from '../directory/faults.ts'
import type { Access } from '../access/access.ts'
import type { VaultAudit } from '../activity/activity.ts'
import type { Caller } from '../directory/caller.ts'
import type { Directory } from '../directory/directory.ts'
import { type Endpoints, audienceOf } from '../../kernel/endpoints.ts'
import type { ResourceReader } from '../resources/provider.ts'
import { authorize, passFirewall } from './admission.ts'
import { type TokenRefusal, VaultFault } from './faults.ts'
import type { VaultOperation } from './operations.ts'
import { outcomeOf } from './refusals.ts'
import { VAULT_TYPE, type VaultSettings, vaultSettings } from './vault-settings.ts'

/** A call to a vault's data plane, from the wire or from within the process. */
export interface VaultRequest {
  readonly vaultName: string
  /** Bearer token; null when the client sent none. */
  readonly token: string | null
  /** The socket's peer; null from within the process, which no IP rule admits. */
  readonly remoteAddress: string | null
  /** Null when the path names no operation: then only token and firewall are looked at. */
  readonly operation: VaultOperation | null
  /** Null for what concerns the whole vault. */
  readonly keyName: string | null
  /** For the audit, as the path has it: `keys/k1`, `deletedkeys/k1`. */
  readonly object: string
  readonly clientInfo: string
  readonly correlationId: string
  readonly apiVersion: string
}

/** A call that was let in. */
export interface AdmittedCall {
  readonly vault: VaultSettings
  readonly caller: Caller
  /** Says for the audit which object it turned out to be: `keys/k1/0123...`. */
  touches(object: string): void
}

export interface VaultSession {
  /** As in `x-ms-keyvault-region`. */
  readonly location: string
  /**
   * Runs the operation; resolves or throws after its audit entry is durable. When that cannot be written, the result is
   * dropped and the call fails. Asks again whether the caller may, if anything changed since `admit`.
   */
  run<T>(work: (call: AdmittedCall) => Promise<T>, status?: number): Promise<T>
}

export interface SessionDeps {
  readonly resources: Pick<ResourceReader, 'findByGlobalName'>
  readonly directory: Pick<Directory, 'authenticate'>
  readonly access: Pick<Access, 'allowsData'>
  readonly audit: VaultAudit
  readonly endpoints: Endpoints
  readonly monotonic: () => number
  /** Rises with every change that may alter an answer. */
  readonly epoch: () => number
}

/**
 * Vault, token, firewall, permission, in this order; a refusal is audited before it is thrown. That a vault exists is no
 * secret, as its host name is in the DNS; that a key exists is: nothing tells before the permission is there.
 *
 * @throws VaultFault `vault-not-found`, `token-refused`, `forbidden-*`
 */
export async function admit(deps: SessionDeps, request: VaultRequest): Promise<VaultSession> {
  const entry = openAuditEntry(deps, request)
  const epoch = deps.epoch()
  const first = await decide(deps, request, entry)
  return {
    location: first.vault.location,
    async run(work, status = 200) {
      const { vault, caller } = deps.epoch() === epoch ? first : await decide(deps, request, entry)
      const call = { vault, caller, touches: entry.touches }
      let result
      try {
        result = await work(call)
      } catch (error) {
        await entry.refused(error)
        throw error
      }
      await entry.write(status, null)
      return result
    },
  }
}

async function decide(deps: SessionDeps, request: VaultRequest, entry: AuditEntry) {
  const resource = await deps.resources.findByGlobalName(VAULT_TYPE, request.vaultName)
  if (resource === null) throw new VaultFault('vault-not-found', { vault: request.vaultName })
  const vault = vaultSettings(resource)
  entry.isOf(vault.id)
  try {
    const caller = await authenticate(deps, vault, request.token)
    entry.isBy(caller)
    passFirewall(vault, caller, request.remoteAddress)
    if (request.operation !== null) {
      await authorize({ access: deps.access, vault, caller }, request.operation, request.keyName)
    }
    return { vault, caller }
  } catch (error) {
    await entry.refused(error)
    throw error
  }
}

async function authenticate(
  { directory, endpoints }: Pick<SessionDeps, 'directory' | 'endpoints'>,
  { tenantId }: VaultSettings,
  token: string | null,
): Promise<Caller> {
  const refuse = (why: TokenRefusal, cause?: unknown) =>
    new VaultFault('token-refused', { tenantId, why }, { cause })
  if (token === null) throw refuse({ kind: 'missing' })
  const audience = audienceOf(endpoints, 'vault')
  let caller: Caller
  try {
    caller = await directory.authenticate(token, [audience])
  } catch (error) {
    if (error instanceof DirectoryFault) {
      throw refuse(reasonOf(error as DirectoryFault, { audience, issuer: issuerOf(tenantId) }), error)
    }
    throw error
  }
  if (caller.tenantId === tenantId) return caller
  throw refuse({ kind: 'issuer', expected: issuerOf(tenantId), found: caller.issuer })
}

function issuerOf(tenantId: string): string {
  return `https://sts.windows.net/${tenantId}/`
}

function reasonOf(
  fault: DirectoryFault,
  expected: { readonly audience: string; readonly issuer: string },
): TokenRefusal {
  switch (fault.code) {
    case 'token-expired':
      return { kind: 'expired' }
    case 'token-not-yet-valid':
      return { kind: 'not-yet-valid' }
    case 'token-signature':
      return { kind: 'signature' }
    case 'token-audience':
      return { kind: 'audience', expected: expected.audience, found: textFact(fault, 'audience') }
    case 'token-issuer':
      return { kind: 'issuer', expected: expected.issuer, found: textFact(fault, 'issuer') }
    case 'principal-gone':
      return { kind: 'principal-gone' }
    case 'token-malformed':
    case 'token-algorithm':
      return { kind: 'malformed' }
  }
}

function textFact(fault: DirectoryFault, name: string): string {
  const value = (fault.facts as Readonly<Record<string, unknown>>)[name]
  return typeof value === 'string' ? value : ''
}

type AuditEntry = ReturnType<typeof openAuditEntry>

function openAuditEntry(
  { audit, monotonic }: Pick<SessionDeps, 'audit' | 'monotonic'>,
  request: VaultRequest,
) {
  const startedAt = monotonic()
  let { object } = request
  let vaultId: string | null = null
  let caller: Caller | null = null
  const write = async (status: number, refusal: string | null): Promise<void> => {
    if (vaultId === null) return
    await audit.record({
      vaultId,
      operation: request.operation ?? 'Authentication',
      apiVersion: request.apiVersion,
      status,
      refusal,
      durationMs: monotonic() - startedAt,
      callerAddress: request.remoteAddress,
      caller,
      correlationId: request.correlationId,
      object,
      clientInfo: request.clientInfo,
    })
  }
  return {
    isOf: (id: string) => void (vaultId = id),
    isBy: (found: Caller) => void (caller = found),
    touches: (found: string) => void (object = found),
    write,
    async refused(error: unknown): Promise<void> {
      const { status, code, inner } = outcomeOf(error)
      await write(status, inner ?? code)
    },
  }
}
