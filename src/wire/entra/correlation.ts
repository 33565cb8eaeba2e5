import { type RequestHead, queryValue } from '../../http/operation.ts'
import { parseGuid } from '../../kernel/guid.ts'

/** The client's own id for the request when it is a GUID, else ours. */
export function correlationIdOf(head: RequestHead): string {
  const sent = head.headers.get('client-request-id') ?? queryValue(head, 'client-request-id') ?? ''
  return parseGuid(sent) ?? head.requestId
}
