import type { Reply, RequestHead } from '../../http/operation.ts'
import { type LeaseCommand, secondsToBreak } from '../../services/blob/change-lease.ts'
import { BlobFault } from '../../services/blob/faults.ts'
import type { LeaseDoc } from '../../services/blob/model.ts'
import { present, stampHeaders } from './present.ts'
import { guidOf } from './request.ts'

const MIN_SECONDS = 15
const MAX_SECONDS = 60

/**
 * What Lease Blob and Lease Container ask for.
 * https://learn.microsoft.com/rest/api/storageservices/lease-blob#request-headers
 *
 * @throws BlobFault `header-missing`, `header-invalid`
 */
export function leaseCommandOf(head: RequestHead): LeaseCommand {
  const name = 'x-ms-lease-action'
  const action = needed(head, name)
  switch (action.toLowerCase()) {
    case 'acquire':
      return {
        action: 'acquire',
        proposedId: head.headers.has('x-ms-proposed-lease-id') ? idOf(head, 'x-ms-proposed-lease-id') : null,
        durationSeconds: durationOf(head),
      }
    case 'renew':
      return { action: 'renew', id: idOf(head, 'x-ms-lease-id') }
    case 'change':
      return {
        action: 'change',
        id: idOf(head, 'x-ms-lease-id'),
        proposedId: idOf(head, 'x-ms-proposed-lease-id'),
      }
    case 'release':
      return { action: 'release', id: idOf(head, 'x-ms-lease-id') }
    case 'break':
      return { action: 'break', periodSeconds: periodOf(head) }
    default:
      throw new BlobFault('header-invalid', { name, value: action })
  }
}

const statuses: Readonly<Record<LeaseCommand['action'], number>> = {
  acquire: 201,
  renew: 200,
  change: 200,
  release: 200,
  break: 202,
}

/** @param now milliseconds since 1970 */
export function leaseReply(
  { action }: LeaseCommand,
  doc: { readonly etag: string; readonly modifiedAt: number; readonly lease: LeaseDoc | null },
  now: number,
): Reply {
  const isBreak = action === 'break'
  return {
    status: statuses[action],
    headers: {
      ...stampHeaders(doc),
      ...present({
        'x-ms-lease-id': isBreak ? undefined : doc.lease?.id,
        'x-ms-lease-time': isBreak && doc.lease !== null ? secondsToBreak(doc.lease, now) : undefined,
      }),
    },
  }
}

function needed({ headers }: RequestHead, name: string): string {
  const value = headers.get(name)
  if (value === undefined || value === '') throw new BlobFault('header-missing', { name })
  return value
}

function idOf(head: RequestHead, name: string): string {
  return guidOf(name, needed(head, name))
}

/** `-1` is for ever. */
function durationOf(head: RequestHead): number | null {
  const name = 'x-ms-lease-duration'
  const value = needed(head, name)
  if (value === '-1') return null
  return secondsOf(name, value, MIN_SECONDS)
}

function periodOf({ headers }: RequestHead): number | null {
  const name = 'x-ms-lease-break-period'
  const value = headers.get(name)
  return value === undefined || value === '' ? null : secondsOf(name, value, 0)
}

function secondsOf(name: string, value: string, min: number): number {
  const seconds = /^\d{1,3}$/.test(value) ? Number(value) : NaN
  if (!(seconds >= min && seconds <= MAX_SECONDS)) throw new BlobFault('header-invalid', { name, value })
  return seconds
}
