import type { Reply } from '../../http/operation.ts'
import { type Endpoints, urlOf } from '../../kernel/endpoints.ts'
import { refused } from '../../services/resources/faults.ts'
import type { OperationStatus } from '../../services/resources/operations.ts'

/** Each answer says when to ask again: without it az waits 30 seconds. */
export const RETRY_AFTER = { 'retry-after': '1' } as const

/** 202 with the address to poll (RFC 9110 section 15.3.3, ARM's `Location` pattern). */
export function acceptedReply(
  endpoints: Endpoints,
  subscriptionId: string,
  operationId: string,
  apiVersion: string,
): Reply {
  const path = `/subscriptions/${subscriptionId}/operationresults/${operationId}`
  const location = `${urlOf(endpoints, 'management')}${path}?api-version=${apiVersion}`
  return { status: 202, headers: { location, ...RETRY_AFTER } }
}

/** 202 while it runs, 200 when it is done. @throws ResourceFault that it ended with */
export function pollReply(
  endpoints: Endpoints,
  subscriptionId: string,
  status: OperationStatus,
  apiVersion: string,
): Reply {
  if (status.error !== null) throw refused(status.error.status, status.error.code, status.error.message)
  if (status.state === 'Running') return acceptedReply(endpoints, subscriptionId, status.id, apiVersion)
  return { status: 200 }
}
