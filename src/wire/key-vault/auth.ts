import { type RequestHead, queryValue } from '../../http/operation.ts'
import { parseGuid } from '../../kernel/guid.ts'
import type { VaultOperation } from '../../services/vault/operations.ts'
import type { VaultRequest } from '../../services/vault/session.ts'

/** What a request asks of a vault, for its admission and its audit. */
export function vaultRequest(
  head: RequestHead,
  matched: {
    readonly operation: { readonly needs: VaultOperation }
    readonly params: Readonly<Record<string, string>>
  } | null,
): VaultRequest {
  return {
    vaultName: head.subject,
    token: bearerToken(head),
    remoteAddress: head.remoteAddress,
    operation: matched?.operation.needs ?? null,
    keyName: matched?.params['name'] ?? null,
    object: objectOf(head, matched?.params ?? {}),
    clientInfo: (head.headers.get('user-agent') ?? '').slice(0, 512),
    correlationId: correlationIdOf(head),
    apiVersion: (queryValue(head, 'api-version') ?? '').slice(0, 64),
  }
}

function bearerToken({ headers }: RequestHead): string | null {
  const found = /^Bearer +(\S+) *$/i.exec(headers.get('authorization') ?? '')
  return found?.[1] ?? null
}

function objectOf({ path }: RequestHead, { name, version }: Readonly<Record<string, string>>): string {
  const collection = path.split('/', 2)[1] ?? ''
  return [collection.toLowerCase(), name, version]
    .filter((part) => part)
    .join('/')
    .slice(0, 256)
}

/** The client's own id, where it sends a GUID as the SDKs do; else ours. */
function correlationIdOf({ headers, requestId }: RequestHead): string {
  return parseGuid(headers.get('x-ms-client-request-id') ?? '') ?? requestId
}
