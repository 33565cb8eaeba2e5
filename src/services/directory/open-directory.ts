import type { Clock } from '../../kernel/clock.ts'
import type { Endpoints } from '../../kernel/endpoints.ts'
import { type Guid, parseGuid } from '../../kernel/guid.ts'
import { inTurn } from '../../kernel/in-turn.ts'
import type { Page } from '../../kernel/page.ts'
import type {
  DirectoryChange,
  DirectoryRecords,
  PrincipalRow,
} from '../../store/records/directory/directory-objects.ts'
import { applications } from './applications.ts'
import { TOKEN_EXCHANGE_AUDIENCE, isIssuedAudience } from './audiences.ts'
import { DirectoryMemory } from './directory-memory.ts'
import type { DirectoryService } from './directory-service.ts'
import { DirectoryFault, SignInFault } from './faults.ts'
import { federatedCredentials } from './federated-credentials.ts'
import { signInWithAssertion } from './federation.ts'
import type { ObjectDeps } from './object-changes.ts'
import { toTenant } from './objects.ts'
import { passwords } from './passwords.ts'
import { principals } from './principals.ts'
import { isPasswordInForce, signIn, signInWithSecret } from './sign-in.ts'
import { openSigningKeys } from './signing-keys.ts'
import { exchangeIssuerOf, tokenIssuer } from './token-issuer.ts'
import { tokenVerifier } from './token-verifier.ts'

export interface DirectoryDeps {
  readonly records: DirectoryRecords
  readonly clock: Clock
  /** Where the roles are that tokens are for, and whose name is in those that are exchanged. */
  readonly endpoints: Endpoints
}

/** Opens the directory and makes its first signing key. One process keeps `keys.db`: its memory is what holds. */
export async function openDirectory({ records, clock, endpoints }: DirectoryDeps): Promise<DirectoryService> {
  const memory = new DirectoryMemory()
  await load(records, memory)
  const keys = await openSigningKeys({ records, clock })
  const issuer = tokenIssuer({ keys, clock, endpoints })
  const verifier = tokenVerifier({ keys, memory, clock })
  const gone = new Set<(principalId: Guid) => void>()
  const turn = inTurn()

  const change: ObjectDeps['change'] = async (decide) =>
    await turn(async () => {
      const { changes, result } = decide()
      if (changes.length === 0) return result
      const affected = affectedPrincipals(memory, changes)
      await records.commit(changes)
      memory.apply(changes)
      for (const principalId of affected) for (const listener of gone) listener(principalId)
      return result
    })

  function assertIssued(resource: string, tenant: string): void {
    if (isIssuedAudience(endpoints, resource)) return
    throw new SignInFault('resource-unknown', { resource, tenant })
  }

  function identity(principalId: Guid): PrincipalRow {
    const row = memory.principal(principalId)
    if (row?.kind !== 'managedIdentity') throw new DirectoryFault('principal-gone', { principalId })
    return row
  }

  const signInWith = async (client: Parameters<DirectoryService['clientCredentials']>[0]) =>
    'assertion' in client
      ? ({ row: await signInWithAssertion({ memory, clock, keys }, client), proof: '2' } as const)
      : ({ row: signInWithSecret({ memory, clock }, client).row, proof: '1' } as const)

  /** The very chain of a client from outside: the identity's token, shown in the other tenant. */
  async function federatedPrincipal(
    row: PrincipalRow,
    {
      clientId,
      tenantId: tenant,
    }: NonNullable<Parameters<DirectoryService['tokenForResource']>[0]['federated']>,
  ): Promise<PrincipalRow> {
    const { token: assertion } = await issuer.forIdentity(row, TOKEN_EXCHANGE_AUDIENCE)
    return await signInWithAssertion({ memory, clock, keys }, { tenant, clientId, assertion })
  }

  return {
    ...applications({ memory, clock, change }),
    ...federatedCredentials({ memory, clock, change }, (tenantId) => exchangeIssuerOf(endpoints, tenantId)),
    ...passwords({ memory, clock, change }),
    ...principals({ memory, clock, change }),
    authenticate: async (token, accepted) => await verifier.authenticate(token, accepted),

    findTenant(tenant) {
      const id = parseGuid(tenant)
      const row = id === null ? null : memory.tenant(id)
      return row === null ? null : toTenant(row)
    },

    async clientCredentials(request) {
      const { row, proof } = await signInWith(request)
      assertIssued(request.resource, row.tenantId)
      return await issuer.forApplication(row, request.resource, proof)
    },
    signIn: (request) => signIn({ memory, clock }, request),
    isPasswordInForce: (passwordId) => isPasswordInForce({ memory, clock }, passwordId),

    async identityToken({ principalId, resource }) {
      const row = identity(principalId)
      assertIssued(resource, row.tenantId)
      return await issuer.forIdentity(row, resource)
    },
    async tokenForResource({ federated, ...request }) {
      const row = identity(request.principalId)
      const caller = federated === undefined ? row : await federatedPrincipal(row, federated)
      return await issuer.forResource(caller, request)
    },

    publishedKeys: () => keys.newestFirst().map(({ jwk }) => jwk),
    rotateSigningKey: async () => await turn(async () => await keys.rotate()),

    watch(listener) {
      // Of its own, so that one function may watch twice.
      const entry = (principalId: Guid) => listener(principalId)
      gone.add(entry)
      return { [Symbol.dispose]: () => void gone.delete(entry) }
    },
  }
}

/** @param memory as it is before the changes */
function affectedPrincipals(memory: DirectoryMemory, changes: readonly DirectoryChange[]): readonly Guid[] {
  return changes.flatMap((change): readonly Guid[] => {
    if ('remove' in change) return change.remove === 'principal' ? [change.id as Guid] : []
    if (change.put !== 'application') return []
    const { appId, objectId, federatedCredentials: trusted } = change.row
    const before = memory.application(objectId)?.federatedCredentials ?? []
    return before === trusted ? [] : memory.principalsOf(appId).map(({ principalId }) => principalId)
  })
}

async function load(records: DirectoryRecords, memory: DirectoryMemory): Promise<void> {
  await eachRow(
    async (after) => await records.listTenants(after),
    (row) => memory.apply([{ put: 'tenant', row }]),
  )
  await eachRow(
    async (after) => await records.listApplications(after),
    (row) => memory.apply([{ put: 'application', row }]),
  )
  await eachRow(
    async (after) => await records.listPrincipals(after),
    (row) => memory.apply([{ put: 'principal', row }]),
  )
}

async function eachRow<T>(
  list: (after: string | null) => Promise<Page<T>>,
  use: (row: T) => void,
): Promise<void> {
  for (let after: string | null = null; ;) {
    const page = await list(after)
    for (const row of page.items) use(row)
    if (page.next === null) return
    after = page.next
  }
}
