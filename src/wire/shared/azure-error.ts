import type { Reply } from '../../http/operation.ts'
import type { JsonObject } from '../../kernel/json.ts'

/** A refusal in the words of one of Azure's JSON protocols. */
export interface AzureError {
  readonly status: number
  /** `ResourceNotFound`, `Forbidden`, ... */
  readonly code: string
  readonly message: string
  readonly target?: string
  /** Key Vault's own cause below the code: `innererror.code`. */
  readonly innerCode?: string
  readonly details?: readonly { readonly code: string; readonly message: string }[]
  /** More members of `error`, as Graph's `innerError`. */
  readonly members?: JsonObject
  /** `WWW-Authenticate`, `Retry-After`, ... */
  readonly headers?: Readonly<Record<string, string>>
}

/**
 * `{"error":{"code","message",...}}`, as Resource Manager, Key Vault and Graph write it.
 * https://github.com/microsoft/api-guidelines/blob/vNext/azure/Guidelines.md#handling-errors
 */
export function azureErrorReply(error: AzureError): Reply {
  return {
    status: error.status,
    headers: { 'content-type': 'application/json; charset=utf-8', ...error.headers },
    body: { error: azureErrorBody(error) },
  }
}

/** What stands under `error`: for places that embed it, as a failed deployment does. */
function azureErrorBody(error: AzureError): JsonObject {
  return {
    code: error.code,
    message: error.message,
    ...(error.target === undefined ? {} : { target: error.target }),
    ...(error.details === undefined
      ? {}
      : { details: error.details.map(({ code, message }) => ({ code, message })) }),
    ...(error.innerCode === undefined ? {} : { innererror: { code: error.innerCode } }),
    ...error.members,
  }
}
