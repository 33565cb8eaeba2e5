import { operation } from '../../../http/operation.ts'
import type { StorageCaller } from '../../../services/storage/storage-caller.ts'
import { type BlobNeeds, type BlobOperation, needs } from '../needs.ts'

/** At the account, a container or a blob, whether it is there or not. https://learn.microsoft.com/rest/api/storageservices/get-account-information */
export function accountInformationOperations(): readonly BlobOperation[] {
  const at = (path: string, resource: 'service' | 'container' | 'object') =>
    operation<StorageCaller, BlobNeeds, string>({
      id: 'GetAccountInformation',
      method: 'GET',
      path,
      query: { restype: 'account', comp: 'properties' },
      needs: { ...needs.readAccountInformation, resource },
      body: { kind: 'none' },
      run: async ({ caller: { account } }) => ({
        status: 200,
        headers: {
          'x-ms-sku-name': account.sku,
          'x-ms-account-kind': account.kind,
          'x-ms-is-hns-enabled': 'false',
        },
      }),
    })
  return [at('/', 'service'), at('/{container}', 'container'), at('/{container}/{blob+}', 'object')]
}
