import { parseGuid } from '../../kernel/guid.ts'
import type { Directory } from '../directory/directory.ts'
import type { VaultKind } from '../keyring/key-id.ts'
import {
  KeyHolderFault,
  type KeyHolder,
  type RefusalCause,
  type TokenSource,
  type VaultTokenRequest,
} from '../keyring/ports.ts'
import { outageOf } from './answers.ts'
import { type ClientCredential, clientTokens } from './client-tokens.ts'
import { httpsClient } from './https-client.ts'
import { remoteKeyHolder } from './remote-key-holder.ts'

/** The vaults of one other server, as the operator names them. Nothing of it is ever learnt from that server. */
export interface RemoteVaultSettings {
  /** `https://vault.azure.net` for `https://NAME.vault.azure.net`: the audience of their tokens too. No slash at the end. */
  readonly url: string
  readonly loginUrl: string
  readonly tenantId: string
  /** PEM certificates that alone are trusted; null: the public ones. */
  readonly ca: string | null
  /** Whose keys may be there, and as whom they are opened. */
  readonly identities: readonly {
    /** Principal id of a managed identity of this installation, or ARM id of a user-assigned one or of a resource with one. */
    readonly identity: string
    /** @throws Error when it cannot be read */
    readonly credential: () => Promise<ClientCredential>
  }[]
}

export interface RemoteVaultsDeps {
  readonly directory: Pick<Directory, 'findPrincipal'>
  readonly monotonic: () => number
}

/** The keyring's way to vaults of one other server. */
export interface RemoteVaults extends Disposable {
  readonly kind: VaultKind
  readonly keyHolder: KeyHolder
  readonly tokens: TokenSource
  /** Whether the directory there can be talked to; nobody is signed in. @throws Outage */
  probe(signal: AbortSignal): Promise<void>
}

/**
 * A managed identity of this installation is nobody to another one. So the operator says as which client of that one it comes;
 * an identity that he did not name gets to no vault there, whoever attaches it to a resource.
 */
export function openRemoteVaults(settings: RemoteVaultSettings, deps: RemoteVaultsDeps): RemoteVaults {
  const { url, loginUrl, tenantId, identities } = settings
  const client = httpsClient(settings.ca)
  const tokens = clientTokens({ client, loginUrl, tenantId, audience: url, monotonic: deps.monotonic })

  async function token(request: VaultTokenRequest, signal: AbortSignal): Promise<string> {
    const principal = await deps.directory.findPrincipal({ principalId: request.principalId })
    if (principal?.kind !== 'managedIdentity')
      throw refused('identity-gone', `The managed identity ${request.principalId} does not exist any more.`)
    if (request.federatedClientId !== null) {
      const message = `${url} is another server's, which trusts no identity of this one: its keys are opened by the client of --remote-vaults, not by an application.`
      throw refused('token-refused', message)
    }
    const known = identities.find(({ identity }) => isNamed(principal, identity))
    if (known === undefined) {
      const message = `The operator has named no client of ${url} for the managed identity ${request.principalId} (--remote-vaults).`
      throw refused('token-refused', message)
    }
    const { lifetimeMs } = request
    return await tokens.token(known.identity, known.credential, { lifetimeMs, signal })
  }

  return {
    kind: { suffix: `.${new URL(url).host}`, audience: url },
    keyHolder: remoteKeyHolder({ client, tokenRefused: (token) => tokens.forget(token) }),
    tokens: { token },
    async probe(signal) {
      const address = new URL(`${loginUrl}/${tenantId}/v2.0/.well-known/openid-configuration`)
      const answer = await client.send({ method: 'GET', url: address, headers: {} }, signal)
      if (answer.status !== 200) throw outageOf(answer, address)
    },
    [Symbol.dispose]: () => client[Symbol.dispose](),
  }
}

function isNamed(
  principal: { readonly principalId: string; readonly resourceId: string | null },
  identity: string,
): boolean {
  const principalId = parseGuid(identity)
  if (principalId !== null) return principal.principalId === principalId
  return principal.resourceId?.toLowerCase() === identity.toLowerCase()
}

function refused(cause: RefusalCause, message: string): KeyHolderFault {
  return new KeyHolderFault('refused', { cause, keyId: '', message })
}
