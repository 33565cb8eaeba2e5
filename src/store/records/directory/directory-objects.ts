import type { RecordKey } from '../../../crypto/record-key.ts'
import { TokenSigner } from '../../../crypto/token-key.ts'
import type { Guid } from '../../../kernel/guid.ts'
import type { Page } from '../../../kernel/page.ts'
import type { KeysRecords } from '../keys-db.ts'
import type { DirectoryKind } from './tables.ts'

/** Times are ISO 8601. */
export interface TenantRow {
  readonly tenantId: Guid
  readonly displayName: string
  readonly createdAt: string
}

export interface PasswordRow {
  readonly keyId: Guid
  readonly displayName: string | null
  readonly hint: string
  readonly startsAt: string
  readonly endsAt: string
  /** `secretVerifier()` of the secret, base64. */
  readonly verifier: string
}

/** A token of `issuer` for `subject` that stands for a password of the application. */
export interface FederatedCredentialRow {
  readonly id: Guid
  readonly name: string
  readonly issuer: string
  readonly subject: string
  readonly audience: string
  readonly description: string | null
}

export interface ApplicationRow {
  readonly objectId: Guid
  readonly appId: Guid
  readonly tenantId: Guid
  readonly displayName: string
  readonly createdAt: string
  /** Whether other tenants may make a service principal of it. */
  readonly isMultiTenant: boolean
  readonly passwords: readonly PasswordRow[]
  readonly federatedCredentials: readonly FederatedCredentialRow[]
}

export interface PrincipalRow {
  readonly principalId: Guid
  readonly appId: Guid
  readonly tenantId: Guid
  readonly kind: 'application' | 'managedIdentity'
  readonly displayName: string
  readonly resourceId: string | null
  readonly isTenantAdministrator: boolean
  readonly createdAt: string
}

export interface SigningKeyRow {
  readonly signer: TokenSigner
  readonly createdAt: string
}

/** What one transaction changes. */
export type DirectoryChange =
  | { readonly put: 'tenant'; readonly row: TenantRow }
  | { readonly put: 'application'; readonly row: ApplicationRow }
  | { readonly put: 'principal'; readonly row: PrincipalRow }
  | { readonly put: 'signing-key'; readonly row: SigningKeyRow }
  | { readonly remove: 'application' | 'principal' | 'signing-key'; readonly id: string }

export interface DirectoryRecords {
  listTenants(after: string | null): Promise<Page<TenantRow>>
  listApplications(after: string | null): Promise<Page<ApplicationRow>>
  listPrincipals(after: string | null): Promise<Page<PrincipalRow>>
  listSigningKeys(after: string | null): Promise<Page<SigningKeyRow>>
  /** All of them or none. */
  commit(changes: readonly DirectoryChange[]): Promise<void>
}

const PAGE_ROWS = 500

/** The directory's objects, each sealed as a whole: names, passwords' verifiers and rights are no business of the file's reader. */
export function directoryRecords(
  records: Pick<KeysRecords, 'read' | 'write'>,
  key: RecordKey,
): DirectoryRecords {
  async function list<T>(
    kind: DirectoryKind,
    after: string | null,
    shape: (stored: unknown) => T | Promise<T>,
  ) {
    const rows = await records.read
      .selectFrom('directory_objects')
      .select(['id', 'document'])
      .where('kind', '=', kind)
      .where('id', '>', after ?? '')
      .orderBy('id')
      .limit(PAGE_ROWS + 1)
      .execute()
    const page = rows.slice(0, PAGE_ROWS)
    const items = await Promise.all(
      page.map(
        async ({ id, document }) =>
          await shape(JSON.parse(key.open(contextOf(kind, id), document).toString('utf8'))),
      ),
    )
    return { items, next: rows.length > PAGE_ROWS ? (page.at(-1)?.id ?? null) : null }
  }

  return {
    listTenants: async (after) => await list('tenant', after, (stored) => stored as TenantRow),
    listApplications: async (after) =>
      await list('application', after, (stored) => ({ ...beforeFederation, ...(stored as ApplicationRow) })),
    listPrincipals: async (after) => await list('principal', after, (stored) => stored as PrincipalRow),
    listSigningKeys: async (after) =>
      await list('signing-key', after, async (stored): Promise<SigningKeyRow> => {
        const { signer, createdAt } = stored as StoredSigningKey
        return { signer: await TokenSigner.fromSealed(Buffer.from(signer, 'base64'), key), createdAt }
      }),

    async commit(changes) {
      const steps = changes.map((change) => stepOf(change, key))
      await records.write(async (transaction) => {
        for (const { kind, id, document } of steps) {
          if (document === null) {
            await transaction
              .deleteFrom('directory_objects')
              .where('kind', '=', kind)
              .where('id', '=', id)
              .execute()
          } else {
            await transaction
              .insertInto('directory_objects')
              .values({ kind, id, document })
              .onConflict((conflict) => conflict.columns(['kind', 'id']).doUpdateSet({ document }))
              .execute()
          }
        }
      })
    },
  }
}

/** What documents lack that were written before applications could be known in two tenants. */
const beforeFederation = { isMultiTenant: false, federatedCredentials: [] }

interface StoredSigningKey {
  /** `TokenSigner.seal()`, base64. */
  readonly signer: string
  readonly createdAt: string
}

interface Step {
  readonly kind: DirectoryKind
  readonly id: string
  /** Null to delete. */
  readonly document: Buffer | null
}

function stepOf(change: DirectoryChange, key: RecordKey): Step {
  if ('remove' in change) return { kind: change.remove, id: change.id, document: null }
  const { id, fields } = partsOf(change, key)
  const document = key.seal(contextOf(change.put, id), Buffer.from(JSON.stringify(fields)))
  return { kind: change.put, id, document }
}

function partsOf(
  change: Extract<DirectoryChange, { put: unknown }>,
  key: RecordKey,
): { id: string; fields: object } {
  switch (change.put) {
    case 'tenant':
      return { id: change.row.tenantId, fields: change.row }
    case 'application':
      return { id: change.row.objectId, fields: change.row }
    case 'principal':
      return { id: change.row.principalId, fields: change.row }
    case 'signing-key': {
      const { signer, createdAt } = change.row
      const fields: StoredSigningKey = { signer: signer.seal(key).toString('base64'), createdAt }
      return { id: signer.kid, fields }
    }
  }
}

/** What a row's sealed document is bound to. */
export function contextOf(kind: DirectoryKind, id: string): string {
  return `directory_objects\n${kind}\n${id}`
}
