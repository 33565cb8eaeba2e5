import type { Directory } from '../services/directory/directory.ts'
import { DirectoryFault } from '../services/directory/faults.ts'
import { KeyHolderFault, type TokenSource } from '../services/keyring/ports.ts'

/** The keyring asks for tokens here and nowhere else; the claim that they carry is of the directory's making. */
export function identityTokens(directory: Pick<Directory, 'tokenForResource'>): TokenSource {
  return {
    async token({ federatedClientId, ...request }) {
      if (federatedClientId !== null) {
        const message = `No token is issued to the application ${federatedClientId} on behalf of an identity.`
        throw new KeyHolderFault('refused', { cause: 'token-refused', keyId: '', message })
      }
      try {
        return await directory.tokenForResource(request)
      } catch (error) {
        if (!(error instanceof DirectoryFault)) throw error
        const message = `The managed identity ${request.principalId} does not exist any more.`
        throw new KeyHolderFault('refused', { cause: 'identity-gone', keyId: '', message }, { cause: error })
      }
    },
  }
}
