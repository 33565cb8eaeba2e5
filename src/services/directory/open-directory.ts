import type { Clock } from '../../kernel/clock.ts'
import { type Guid, parseGuid } from '../../kernel/guid.ts'
import { inTurn } from '../../kernel/in-turn.ts'
import type { Page } from '../../kernel/page.ts'
import type {
  DirectoryChange,
  DirectoryRecords,
  PrincipalRow,
} from '../../store/records/directory/directory-objects.ts'
import { applications } from './applications.ts'
import { isSameAudience } from './audiences.ts'
import { DirectoryMemory } from './directory-memory.ts'
import type { DirectoryService } from './directory-service.ts'
import { DirectoryFault, SignInFault } from './faults.ts'
import type { ObjectDeps } from './object-changes.ts'
import { toTenant } from './objects.ts'
import { passwords } from './passwords.ts'
import { principals } from './principals.ts'
import { isPasswordInForce, signIn, signInWithSecret } from './sign-in.ts'
import { openSigningKeys } from './signing-keys.ts'
import { tokenIssuer } from './token-issuer.ts'
import { tokenVerifier } from './token-verifier.ts'

export interface DirectoryDeps {
  readonly records: DirectoryRecords
  readonly clock: Clock
  /** What tokens may be asked for: `issuedAudiences()`. */
  readonly audiences: readonly string[]
}

/** Opens the directory and makes its first signing key. One process keeps `keys.db`: its memory is what holds. */
export async function openDirectory({ records, clock, audiences }: DirectoryDeps): Promise<DirectoryService> {
  const memory = new DirectoryMemory()
  await load(records, memory)
  const keys = await openSigningKeys({ records, clock })
  const issuer = tokenIssuer({ keys, clock })
  const verifier = tokenVerifier({ keys, memory, clock })
  const gone = new Set<(principalId: Guid) => void>()
  const turn = inTurn()

  const change: ObjectDeps['change'] = async (decide) =>
    await turn(async () => {
      const { changes, result } = decide()
      if (changes.length === 0) return result
      await records.commit(changes)
      memory.apply(changes)
      for (const principalId of removedPrincipals(changes)) for (const listener of gone) listener(principalId)
      return result
    })

  function assertIssued(resource: string, tenant: string): void {
    if (audiences.some((audience) => isSameAudience(audience, resource))) return
    throw new SignInFault('resource-unknown', { resource, tenant })
  }

  function identity(principalId: Guid): PrincipalRow {
    const row = memory.principal(principalId)
    if (row?.kind !== 'managedIdentity') throw new DirectoryFault('principal-gone', { principalId })
    return row
  }

  return {
    ...applications({ memory, clock, change }),
    ...passwords({ memory, clock, change }),
    ...principals({ memory, clock, change }),
    authenticate: async (token, accepted) => await verifier.authenticate(token, accepted),

    findTenant(tenant) {
      const id = parseGuid(tenant)
      const row = id === null ? null : memory.tenant(id)
      return row === null ? null : toTenant(row)
    },

    async clientCredentials(request) {
      const { row } = signInWithSecret({ memory, clock }, request)
      assertIssued(request.resource, row.tenantId)
      return await issuer.forApplication(row, request.resource)
    },
    signIn: (request) => signIn({ memory, clock }, request),
    isPasswordInForce: (passwordId) => isPasswordInForce({ memory, clock }, passwordId),

    async identityToken({ principalId, resource }) {
      const row = identity(principalId)
      assertIssued(resource, row.tenantId)
      return await issuer.forIdentity(row, resource)
    },
    tokenForResource: async (request) => await issuer.forResource(identity(request.principalId), request),

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

function removedPrincipals(changes: readonly DirectoryChange[]): readonly Guid[] {
  return changes.flatMap((change) =>
    'remove' in change && change.remove === 'principal' ? [change.id as Guid] : [],
  )
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
