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
