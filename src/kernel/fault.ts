/**
 * A refusal the caller can act on, as opposed to an outage or a bug.
 * `M` maps each code to the facts a client may see, so that a table over `keyof M` is checked for gaps.
 */
export class Fault<M extends object, K extends keyof M & string = keyof M & string> extends Error {
  override readonly name: string = 'Fault'
  readonly code: K
  readonly facts: M[K]

  constructor(code: K, facts: M[K], options?: ErrorOptions) {
    super(code, options)
    this.code = code
    this.facts = facts
  }
}

/** What a driver could not do: the disk is full, the database is locked, the vault does not answer. */
export class Outage extends Error {
  override readonly name = 'Outage'
  /** Seconds after which trying again makes sense. */
  readonly retryAfterSeconds: number
  /** A sentence that an administrator may be shown besides: which other server does not answer, and why. Null: none. */
  readonly detail: string | null

  constructor(
    message: string,
    options: ErrorOptions & { readonly retryAfterSeconds?: number; readonly detail?: string } = {},
  ) {
    super(message, options)
    this.retryAfterSeconds = options.retryAfterSeconds ?? 1
    this.detail = options.detail ?? null
  }
}
