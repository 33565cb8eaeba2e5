import { type RequestHead, operation } from '../../../http/operation.ts'
import { BlobFault } from '../../../services/blob/faults.ts'
import type { ImmutabilityPolicy } from '../../../services/blob/set-immutability.ts'
import type { StorageCaller } from '../../../services/storage/storage-caller.ts'
import type { BlobWireDeps } from '../deps.ts'
import { httpDate } from '../headers.ts'
import { type BlobNeeds, type BlobOperation, needs } from '../needs.ts'
import { blobOf, conditionsOf } from '../request.ts'

const path = '/{container}/{blob+}'
const policies = { comp: 'immutabilityPolicies' }

/** https://learn.microsoft.com/rest/api/storageservices/set-blob-immutability-policy, delete-blob-immutability-policy, set-blob-legal-hold */
export function blobImmutabilityOperations({ blobs }: BlobWireDeps): readonly BlobOperation[] {
  return [
    operation<StorageCaller, BlobNeeds, typeof path>({
      id: 'SetBlobImmutabilityPolicy',
      method: 'PUT',
      path,
      query: policies,
      needs: needs.setImmutability,
      body: { kind: 'none' },
      async run(call) {
        const { head } = call
        const wanted = { policy: policyOf(head), conditions: conditionsOf(head) }
        const { until, mode } = await blobs.setImmutabilityPolicy(blobOf(call), wanted)
        return {
          status: 200,
          headers: {
            'x-ms-immutability-policy-until-date': httpDate(until),
            'x-ms-immutability-policy-mode': mode.toLowerCase(),
          },
        }
      },
    }),
    operation<StorageCaller, BlobNeeds, typeof path>({
      id: 'DeleteBlobImmutabilityPolicy',
      method: 'DELETE',
      path,
      query: policies,
      needs: needs.setImmutability,
      body: { kind: 'none' },
      async run(call) {
        await blobs.deleteImmutabilityPolicy(blobOf(call), { conditions: conditionsOf(call.head) })
        return { status: 200 }
      },
    }),
    operation<StorageCaller, BlobNeeds, typeof path>({
      id: 'SetBlobLegalHold',
      method: 'PUT',
      path,
      query: { comp: 'legalhold' },
      needs: needs.setImmutability,
      body: { kind: 'none' },
      async run(call) {
        const { head } = call
        const hasLegalHold = legalHoldOf(head)
        await blobs.setLegalHold(blobOf(call), { hasLegalHold, conditions: conditionsOf(head) })
        return { status: 200, headers: { 'x-ms-legal-hold': String(hasLegalHold) } }
      },
    }),
  ]
}

function policyOf({ headers }: RequestHead): ImmutabilityPolicy {
  const date = required(headers, 'x-ms-immutability-policy-until-date')
  const until = Date.parse(date)
  if (Number.isNaN(until))
    throw new BlobFault('header-invalid', { name: 'x-ms-immutability-policy-until-date', value: date })
  return { until, mode: modeOf(headers.get('x-ms-immutability-policy-mode') ?? 'unlocked') }
}

function modeOf(value: string): ImmutabilityPolicy['mode'] {
  switch (value.toLowerCase()) {
    case 'unlocked':
      return 'Unlocked'
    case 'locked':
      return 'Locked'
    default:
      throw new BlobFault('header-invalid', { name: 'x-ms-immutability-policy-mode', value })
  }
}

function legalHoldOf({ headers }: RequestHead): boolean {
  const value = required(headers, 'x-ms-legal-hold')
  if (/^(true|false)$/i.test(value)) return value.toLowerCase() === 'true'
  throw new BlobFault('header-invalid', { name: 'x-ms-legal-hold', value })
}

function required(headers: RequestHead['headers'], name: string): string {
  const value = headers.get(name)
  if (value === undefined || value === '') throw new BlobFault('header-missing', { name })
  return value
}
