import { randomGuid } from '../../crypto/random.ts'
import type { Guid } from '../../kernel/guid.ts'
import type {
  ApplicationRow,
  FederatedCredentialRow,
} from '../../store/records/directory/directory-objects.ts'
import { TOKEN_EXCHANGE_AUDIENCE } from './audiences.ts'
import type {
  DirectoryObjects,
  FederatedCredentialChange,
  NewFederatedCredential,
} from './directory-objects.ts'
import { DirectoryObjectFault } from './faults.ts'
import { type ObjectDeps, applicationRow } from './object-changes.ts'

type FederatedCredentials = Pick<
  DirectoryObjects,
  'addFederatedCredential' | 'changeFederatedCredential' | 'removeFederatedCredential'
>

/** https://learn.microsoft.com/entra/workload-id/workload-identity-federation-considerations */
const MAX_CREDENTIALS = 20
const MAX_TEXT_LENGTH = 600
/** Fit for a URL, 3 to 120 characters. */
const credentialName = /^[A-Za-z0-9][A-Za-z0-9_-]{2,119}$/

/**
 * Trust of an application in tokens of a managed identity. Only identities of the application's own tenant can be trusted:
 * Entra ID says the same of them, and of other issuers no key is known here, nor fetched from an address that somebody names.
 *
 * @param issuerOf the `iss` of tokens for exchange, by tenant
 */
export function federatedCredentials(
  { memory, change }: ObjectDeps,
  issuerOf: (tenantId: Guid) => string,
): FederatedCredentials {
  /** @param update decides on the application's credentials and on what is answered */
  const changed = async <T>(
    tenantId: Guid,
    objectId: Guid,
    update: (application: ApplicationRow) => {
      readonly credentials: readonly FederatedCredentialRow[]
      readonly result: T
    },
  ) =>
    await change(() => {
      const application = applicationRow(memory, tenantId, objectId)
      const { credentials, result } = update(application)
      const row = { ...application, federatedCredentials: credentials }
      return { changes: [{ put: 'application', row }], result }
    })

  return {
    addFederatedCredential: async (tenantId, objectId, request) =>
      await changed(tenantId, objectId, ({ federatedCredentials: others }) => {
        const added = { ...request, id: randomGuid() }
        assertValid(added, issuerOf(tenantId))
        assertUnique(added, others)
        if (others.length >= MAX_CREDENTIALS)
          throw new DirectoryObjectFault('credentials-too-many', { max: MAX_CREDENTIALS })
        return { credentials: [...others, added], result: added }
      }),

    changeFederatedCredential: async (tenantId, objectId, id, request) =>
      await changed(tenantId, objectId, ({ federatedCredentials: all }) => {
        const before = all.find((credential) => credential.id === id)
        if (before === undefined) throw new DirectoryObjectFault('object-not-found', { id })
        const after = { ...before, ...given(request) }
        assertValid(after, issuerOf(tenantId))
        assertUnique(
          after,
          all.filter((credential) => credential !== before),
        )
        const credentials = all.map((credential) => (credential === before ? after : credential))
        return { credentials, result: undefined }
      }),

    removeFederatedCredential: async (tenantId, objectId, id) =>
      await changed(tenantId, objectId, ({ federatedCredentials: all }) => {
        const credentials = all.filter((credential) => credential.id !== id)
        if (credentials.length === all.length) throw new DirectoryObjectFault('object-not-found', { id })
        return { credentials, result: undefined }
      }),
  }
}

/** Without what was left out, which stays as it is. */
function given(change: FederatedCredentialChange): Partial<NewFederatedCredential> {
  return Object.fromEntries(Object.entries(change).filter(([, value]) => value !== undefined))
}

function assertValid(
  { name, issuer, subject, audience, description }: NewFederatedCredential,
  trusted: string,
): void {
  if (!credentialName.test(name))
    throw invalid('name', name, 'it takes 3 to 120 letters, digits, dashes and underscores')
  for (const [property, text] of Object.entries({
    issuer,
    subject,
    audience,
    description: description ?? '',
  }))
    if (text.length > MAX_TEXT_LENGTH)
      throw invalid(property, text, `it is longer than ${MAX_TEXT_LENGTH} characters`)
  if (subject === '') throw invalid('subject', subject, 'it must not be empty')
  if (issuer !== trusted)
    throw invalid(
      'issuer',
      issuer,
      `only managed identities of this tenant can be trusted, whose issuer is ${trusted}`,
    )
  if (audience !== TOKEN_EXCHANGE_AUDIENCE)
    throw invalid('audiences', audience, `it must be ${TOKEN_EXCHANGE_AUDIENCE}, and one alone`)
}

function assertUnique(credential: NewFederatedCredential, others: readonly FederatedCredentialRow[]): void {
  const { name, issuer, subject } = credential
  if (others.some((other) => other.name === name))
    throw new DirectoryObjectFault('credential-exists', { name })
  if (others.some((other) => other.issuer === issuer && other.subject === subject))
    throw new DirectoryObjectFault('credential-repeated', { issuer, subject })
}

function invalid(property: string, value: string, reason: string): DirectoryObjectFault {
  return new DirectoryObjectFault('credential-invalid', { property, value, reason })
}
