/** A refusal as the storage services word it. */
export interface WireError {
  readonly status: number
  readonly code: string
  readonly message: string
  /** Further elements of `Error`. */
  readonly details?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
}

export type Table<F extends object> = { readonly [K in keyof F]: (facts: F[K]) => WireError }

export function error(
  status: number,
  code: string,
  message: string,
  details?: Readonly<Record<string, string>>,
): WireError {
  return { status, code, message, ...(details === undefined ? {} : { details }) }
}

/**
 * A copy's source did not come: what it was answered with, as far as it is a client's to see.
 * @param refusal code null: its answer had none
 */
export function copySourceError(refusal: {
  readonly status: number
  readonly code: string | null
  readonly message: string
}): WireError {
  const { code, message } = refusal
  const status = String(refusal.status)
  return {
    // What is no refusal of the client's request is not passed on as one of ours.
    ...error(
      refusal.status >= 400 && refusal.status < 500 ? refusal.status : 400,
      'CannotVerifyCopySource',
      message,
      {
        CopySourceStatusCode: status,
        ...(code === null ? {} : { CopySourceErrorCode: code }),
        CopySourceErrorMessage: message,
      },
    ),
    headers: {
      'x-ms-copy-source-status-code': status,
      ...(code === null ? {} : { 'x-ms-copy-source-error-code': code }),
    },
  }
}
