import { Outage } from '../../kernel/fault.ts'
import { KeyHolderFault } from '../keyring/ports.ts'
import { jsonOf, outageOf } from './answers.ts'
import type { HttpsAnswer, HttpsClient } from './https-client.ts'

/** How this installation signs in at another's directory. */
export interface ClientCredential {
  readonly clientId: string
  readonly clientSecret: string
}

export interface ClientTokensDeps {
  readonly client: HttpsClient
  /** `https://login.microsoftonline.com`, no slash at the end. */
  readonly loginUrl: string
  /** The vaults' tenant there. */
  readonly tenantId: string
  /** What the tokens are addressed to. */
  readonly audience: string
  /** Milliseconds of the machine's monotonic clock. */
  readonly monotonic: () => number
}

/** Tokens of other directories, each kept for a lease at most. */
export interface ClientTokens {
  /**
   * @param credential read when a token is asked for, so that a secret can be exchanged while the server runs
   * @param name what tells one credential from the others
   * @throws KeyHolderFault `token-refused`; Outage
   */
  token(
    name: string,
    credential: () => Promise<ClientCredential>,
    options: { readonly lifetimeMs: number; readonly signal: AbortSignal },
  ): Promise<string>
  /** Is not given out again. */
  forget(token: string): void
}

interface Kept {
  readonly token: string
  readonly usableUntil: number
}

/** The client credentials grant: https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow */
export function clientTokens(deps: ClientTokensDeps): ClientTokens {
  const kept = new Map<string, Kept>()
  return {
    async token(name, credential, { lifetimeMs, signal }) {
      const known = kept.get(name)
      if (known !== undefined && deps.monotonic() < known.usableUntil) return known.token
      const askedAt = deps.monotonic()
      const { token, seconds } = await signIn(deps, await credential(), signal)
      kept.set(name, { token, usableUntil: askedAt + Math.min(lifetimeMs, seconds * 1000) })
      return token
    },
    forget(token) {
      for (const [name, known] of kept) if (known.token === token) kept.delete(name)
    },
  }
}

async function signIn(
  { client, loginUrl, tenantId, audience }: ClientTokensDeps,
  { clientId, clientSecret }: ClientCredential,
  signal: AbortSignal,
): Promise<{ readonly token: string; readonly seconds: number }> {
  const url = new URL(`${loginUrl}/${tenantId}/oauth2/v2.0/token`)
  const body = new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: clientId,
    client_secret: clientSecret,
    scope: `${audience}/.default`,
  }).toString()
  const headers = { accept: 'application/json', 'content-type': 'application/x-www-form-urlencoded' }
  const answer = await client.send({ method: 'POST', url, headers, body }, signal)
  try {
    if (answer.status !== 200) throw refusedBy(answer, url, clientId)
    return tokenOf(answer, url)
  } finally {
    answer.body.fill(0)
  }
}

function tokenOf(answer: HttpsAnswer, { origin }: URL): { readonly token: string; readonly seconds: number } {
  const { access_token: token, expires_in: seconds } = jsonOf(answer) ?? {}
  if (typeof token === 'string' && typeof seconds === 'number') return { token, seconds }
  throw new Outage('a token endpoint gave no token', { detail: `${origin} gave an answer without a token.` })
}

/** A clear no has an OAuth error (RFC 6749 section 5.2); its AADSTS number says which one. */
function refusedBy(answer: HttpsAnswer, url: URL, clientId: string): unknown {
  const { error, error_description: description } = jsonOf(answer) ?? {}
  const isRefusal = answer.status === 400 || answer.status === 401
  if (!isRefusal || typeof error !== 'string') return outageOf(answer, url)
  const number = /^AADSTS\d{1,10}/.exec(typeof description === 'string' ? description : '')?.[0]
  const word = number ?? /^\w{1,64}$/.exec(error)?.[0] ?? 'no known error'
  const message = `${url.origin} gives no token to the client ${clientId} (${word}).`
  return new KeyHolderFault('refused', { cause: 'token-refused', keyId: '', message })
}
