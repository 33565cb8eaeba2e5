import type { Guid } from '../kernel/guid.ts'
import type { Directory } from '../services/directory/directory.ts'
import { DirectoryFault, FederationFault, SignInFault } from '../services/directory/faults.ts'
import { KeyHolderFault, type RefusalCause, type TokenSource } from '../services/keyring/ports.ts'

export interface IdentityTokensDeps {
  readonly directory: Pick<Directory, 'tokenForResource'>
  /** Of a vault of this installation, as its resource says; null when there is none. */
  readonly tenantOf: (vaultUrl: string) => Promise<Guid | null>
}

/** The keyring asks for tokens here and nowhere else; the claim that they carry is of the directory's making. */
export function identityTokens({ directory, tenantOf }: IdentityTokensDeps): TokenSource {
  return {
    async token({ federatedClientId: clientId, vaultUrl, ...request }) {
      try {
        if (clientId === null) return await directory.tokenForResource(request)
        const tenantId = await tenantOf(vaultUrl)
        if (tenantId === null)
          throw refused('vault-not-found', 'There is no such vault: it was deleted, or never was there.')
        return await directory.tokenForResource({ ...request, federated: { clientId, tenantId } })
      } catch (error) {
        throw asRefusal(error, { principalId: request.principalId, clientId })
      }
    },
  }
}

function asRefusal(
  error: unknown,
  { principalId, clientId }: { readonly principalId: Guid; readonly clientId: Guid | null },
): unknown {
  if (error instanceof DirectoryFault)
    return refused('identity-gone', `The managed identity ${principalId} does not exist any more.`, error)
  if (error instanceof SignInFault) {
    const message = `The application ${clientId} has no service principal in the vault's tenant.`
    return refused('token-refused', message, error)
  }
  if (error instanceof FederationFault) {
    const message = `The application ${clientId} has no federated credential for the managed identity ${principalId}.`
    return refused('token-refused', message, error)
  }
  return error
}

function refused(cause: RefusalCause, message: string, error?: unknown): KeyHolderFault {
  return new KeyHolderFault('refused', { cause, keyId: '', message }, { cause: error })
}
