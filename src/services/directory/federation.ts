import { TokenFault, type TokenFaults } from '../../crypto/faults.ts'
import { type TokenClaims, verifyToken } from '../../crypto/token.ts'
import { parseGuid } from '../../kernel/guid.ts'
import type { ApplicationRow, PrincipalRow } from '../../store/records/directory/directory-objects.ts'
import { FederationFault } from './faults.ts'
import { type SignInDeps, findClient } from './sign-in.ts'
import type { SigningKeys } from './signing-keys.ts'

export interface FederationDeps extends SignInDeps {
  readonly keys: Pick<SigningKeys, 'all'>
}

/** What an assertion says of itself. */
interface Presented {
  readonly issuer: string
  readonly subject: string
  readonly audience: string
}

/**
 * A managed identity's token in place of a secret. One of the application's federated credentials must name its issuer, subject
 * and audience, and the identity must be there still. It may come again until it expires, as with Entra ID: an identity's
 * token lives a day.
 *
 * @returns the application's service principal in the tenant that is asked
 * @throws SignInFault, FederationFault
 */
export async function signInWithAssertion(
  deps: FederationDeps,
  {
    assertion,
    ...client
  }: { readonly tenant: string | null; readonly clientId: string; readonly assertion: string },
): Promise<PrincipalRow> {
  const { application, principal } = findClient(deps.memory, client)
  if (application.federatedCredentials.length === 0) {
    const { displayName } = application
    throw new FederationFault('federation-absent', { clientId: client.clientId, displayName })
  }
  const presented = presentedBy(await genuineClaims(deps, assertion))
  assertTrusted(application, presented)
  assertManagedIdentity(deps, presented)
  return principal
}

async function genuineClaims({ keys, clock }: FederationDeps, assertion: string): Promise<TokenClaims> {
  const now = clock.now()
  try {
    return await verifyToken(assertion, keys.all(), now)
  } catch (error) {
    if (error instanceof TokenFault) throw asFederationFault(error, now)
    throw error
  }
}

function presentedBy({ iss, sub, aud }: TokenClaims): Presented {
  if (typeof iss !== 'string' || typeof sub !== 'string' || typeof aud !== 'string')
    throw new FederationFault('assertion-malformed', {})
  return { issuer: iss, subject: sub, audience: aud }
}

/** Compared letter by letter: https://learn.microsoft.com/entra/identity-platform/reference-breaking-changes#august-2024 */
function assertTrusted({ federatedCredentials: all }: ApplicationRow, presented: Presented): void {
  const { issuer, subject, audience } = presented
  const ofIssuer = all.filter((credential) => credential.issuer === issuer)
  if (ofIssuer.length === 0) throw unmatched('issuer', issuer)
  const ofSubject = ofIssuer.filter((credential) => credential.subject === subject)
  if (ofSubject.length === 0) {
    const isNear = ofIssuer.some((credential) => credential.subject.toLowerCase() === subject.toLowerCase())
    throw isNear
      ? new FederationFault('federation-case', { presented: subject })
      : unmatched('subject', subject)
  }
  if (!ofSubject.some((credential) => credential.audience === audience)) throw unmatched('audience', audience)
}

/** Its own tenant's, since the issuer was: and there now, whatever its token says. */
function assertManagedIdentity({ memory }: FederationDeps, { subject }: Presented): void {
  const principalId = parseGuid(subject)
  const identity = principalId === null ? null : memory.principal(principalId)
  if (identity === null) throw unmatched('subject', subject)
  if (identity.kind !== 'managedIdentity') throw new FederationFault('federation-by-application', {})
}

function unmatched(member: 'issuer' | 'subject' | 'audience', presented: string) {
  return new FederationFault('federation-unmatched', { member, presented })
}

const faults: { readonly [K in keyof TokenFaults]: (facts: TokenFaults[K], now: Date) => FederationFault } = {
  'token-malformed': () => new FederationFault('assertion-malformed', {}),
  'token-signature': () => new FederationFault('assertion-signature', {}),
  'token-algorithm': () => new FederationFault('assertion-signature', {}),
  'token-expired': ({ expiredAt }, now) =>
    new FederationFault('assertion-time', { now, expiresAt: expiredAt }),
  'token-not-yet-valid': (_, now) => new FederationFault('assertion-time', { now, expiresAt: null }),
}

function asFederationFault<K extends keyof TokenFaults>(
  { code, facts }: TokenFault<K>,
  now: Date,
): FederationFault {
  return faults[code](facts, now)
}
