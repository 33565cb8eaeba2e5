import { operation } from '../../../http/operation.ts'
import type { StorageCaller } from '../../../services/storage/storage-caller.ts'
import { preflightHeaders } from '../cors.ts'
import type { BlobNeeds, BlobOperation } from '../needs.ts'

/** Of anything, whether it is there or not. https://learn.microsoft.com/rest/api/storageservices/preflight-blob-request */
export function preflightOperations(): readonly BlobOperation[] {
  return ['/', '/{any+}'].map((path) =>
    operation<StorageCaller, BlobNeeds, string>({
      id: 'PreflightBlobRequest',
      method: 'OPTIONS',
      path,
      needs: null,
      body: { kind: 'none' },
      run: async ({ head, caller }) => ({
        status: 200,
        headers: preflightHeaders(caller.account.blobService.corsRules, head),
      }),
    }),
  )
}
