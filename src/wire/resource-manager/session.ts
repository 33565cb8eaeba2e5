import type { Call } from '../../http/operation.ts'
import { queryValue, type RequestHead } from '../../http/operation.ts'
import { type Guid, parseGuid } from '../../kernel/guid.ts'
import type { Caller } from '../../services/directory/caller.ts'
import { refused } from '../../services/resources/faults.ts'
import type { ProviderCall } from '../../services/resources/provider.ts'

/** What a request may be told from before its body is read. */
export interface ArmSession {
  readonly caller: Caller
  readonly apiVersion: string
}

/** Null for what anybody may ask. */
export type ArmCall<P = Readonly<Record<string, string>>> = Call<ArmSession | null, P>

/** Operations but the metadata look-up need a signed-in caller; which right is asked by the service, at the resource's scope. */
export type Needs = 'signed-in' | null

/** The caller of an operation that `admit` let in with a token. */
export function sessionOf({ caller }: ArmCall<unknown>): ArmSession {
  if (caller === null) throw new Error('an operation for signed-in callers was entered without one')
  return caller
}

export function providerCall(call: ArmCall<unknown>): ProviderCall {
  const { caller, apiVersion } = sessionOf(call)
  return {
    caller,
    apiVersion,
    correlationId: correlationId(call.head),
    remoteAddress: call.head.remoteAddress,
    ifMatch: call.head.headers.get('if-match') ?? null,
    signal: call.signal,
  }
}

/** The client's own, when it is a GUID; else the request's. */
export function correlationId(head: RequestHead): string {
  return parseGuid(head.headers.get('x-ms-correlation-request-id') ?? '') ?? head.requestId
}

/** Any well-formed version is served: clients move theirs with each release. @throws ResourceFault */
export function readApiVersion(head: RequestHead): string {
  const version = queryValue(head, 'api-version')
  if (version === undefined || version === '') {
    throw refused(
      400,
      'MissingApiVersionParameter',
      'The api-version query parameter (?api-version=) is required for all requests.',
    )
  }
  if (!/^20\d\d-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])(-[a-z0-9.]{1,32})?$/i.test(version)) {
    throw refused(
      400,
      'InvalidApiVersionParameter',
      `The api-version '${version}' is invalid. It is a date such as '2024-01-01', with '-preview' behind it where it is one.`,
    )
  }
  return version.toLowerCase()
}

/** @throws ResourceFault `InvalidSubscriptionId` */
export function subscriptionOf({ subscription }: { readonly subscription: string }): Guid {
  const id = parseGuid(subscription)
  if (id !== null) return id
  throw refused(
    400,
    'InvalidSubscriptionId',
    `The provided subscription identifier '${subscription}' is malformed or invalid.`,
  )
}
