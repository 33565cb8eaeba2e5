import type { Bytes } from '../kernel/bytes.ts'
import type { Json } from '../kernel/json.ts'

export type Method = 'GET' | 'HEAD' | 'PUT' | 'POST' | 'PATCH' | 'DELETE' | 'OPTIONS'

/** All of a request but its body; made once, before anything is matched. */
export interface RequestHead {
  readonly method: Method
  /**
   * Percent-decoded once, begins with `/`, holds no control character. Unless the protocol keeps paths: double slashes
   * collapsed, no `.` or `..` segment. In path style, without the subject in front.
   */
  readonly path: string
  /** Names percent-decoded; the first of several values. Names keep their case: look-ups by `queryValue()` ignore it. */
  readonly query: URLSearchParams
  /** Path and query as they came on the request line. */
  readonly target: string
  /** Lower-case names; repeated headers joined by `, `. */
  readonly headers: ReadonlyMap<string, string>
  /** Names and values in turn, as they came. */
  readonly rawHeaders: readonly string[]
  /** Host as sent, with its port: `kv1.vault.localhost:8443`. */
  readonly authority: string
  /**
   * What the wildcard of the matched host stands for: `kv1`. Empty for a fixed host. In path style (the host is an address),
   * the first segment of the path.
   */
  readonly subject: string
  /** The socket's peer address, IPv4-mapped IPv6 unfolded. Never from a header. */
  readonly remoteAddress: string
  /** As OpenSSL names it: `TLSv1.3`. Null on a plain HTTP port. */
  readonly tlsVersion: string | null
  /** Made by us for every request; in every answer and log line. */
  readonly requestId: string
  /** Monotonic milliseconds at arrival. */
  readonly startedAt: number
}

/** How a body is taken in. Limits are enforced before anything is parsed. */
export type BodyRule =
  | { readonly kind: 'none' }
  /** Parsed JSON; an empty body is `undefined`. */
  | { readonly kind: 'json'; readonly maxBytes: number }
  /** application/x-www-form-urlencoded. */
  | { readonly kind: 'form'; readonly maxBytes: number }
  /** Read whole, not parsed. */
  | { readonly kind: 'raw'; readonly maxBytes: number }
  /** Handed over as it comes. */
  | { readonly kind: 'stream'; readonly maxBytes: number }

export interface Body {
  /** For `json`; undefined when the body was empty. */
  readonly json: Json | undefined
  /** For `form`; empty otherwise. */
  readonly form: URLSearchParams
  /** For `raw`; empty otherwise. */
  readonly raw: Buffer
  /** For `stream`; ends at once otherwise. Throws `HttpFault` `body-too-large`, `body-aborted` or `body-too-slow`. */
  readonly stream: Bytes
  /** Content-Length as announced; null when the client did not say. */
  readonly length: number | null
}

export interface Call<C, P = Readonly<Record<string, string>>> {
  readonly head: RequestHead
  /** What the path's placeholders stand for, decoded. Optional ones are empty strings. */
  readonly params: P
  /** What `Protocol.admit` found out: the caller and what he may do. */
  readonly caller: C
  readonly body: Body
  /** Aborts when the client goes away, is cut off, or the server's shutdown deadline passes. */
  readonly signal: AbortSignal
}

export interface StreamBody {
  readonly stream: Bytes
  readonly length?: number
  /** All of it, once it is at hand: the stream is at its end then. */
  readonly whole?: Uint8Array
}

export interface Reply {
  readonly status: number
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  /** An object is written as JSON. A stream needs `length` unless its end may be chunked. */
  readonly body?: Json | Uint8Array | StreamBody
}

/**
 * One operation of a protocol as data: the pipeline reads every field but `run` before it calls `run`.
 *
 * Path patterns: `/keys/{name}/create`; `{version?}` takes an empty or missing segment; `{name+}` takes one or
 * more segments. A trailing slash is the same as none.
 */
export interface Operation<C, N = string | null, P extends string = string> {
  /** The protocol's own name for it, `UnwrapKey`; the label in logs and metrics. */
  readonly id: string
  readonly method: Method
  readonly path: P
  /** Query names that must be there, with that value; `true` for any. Operations with more of them are tried first. */
  readonly query?: Readonly<Record<string, string | true>>
  /** The same of request headers (lower-case names): `x-ms-blob-type`, `x-ms-copy-source`. */
  readonly headers?: Readonly<Record<string, string | true>>
  /** The permission the caller must hold; null only for public operations. */
  readonly needs: N
  readonly body: BodyRule
  run(call: Call<C, PathParams<P>>): Promise<Reply>
}

/** The names in a path pattern, as an object type. */
export type PathParams<P extends string> = string extends P
  ? Readonly<Record<string, string>>
  : { readonly [K in PlaceholderNames<P>]: string }
type PlaceholderNames<P extends string> = P extends `${string}{${infer Name}}${infer Rest}`
  ? PlainName<Name> | PlaceholderNames<Rest>
  : never
type PlainName<N extends string> = N extends `${infer Name}?` ? Name : N extends `${infer Name}+` ? Name : N

/** What a table of operations holds: any path. */
export type AnyOperation<C, N = string | null> = Omit<Operation<C, N>, 'run'> & {
  run(call: Call<C>): Promise<Reply>
}

/** Keeps the path's literal type, so that `run` knows the names of its parameters. */
export function operation<C, N, const P extends string>(op: Operation<C, N, P>): AnyOperation<C, N> {
  return op
}

/**
 * A wire protocol: its operations, how it admits callers, and how it words its errors.
 * The pipeline: host, limits, path, match, admit, body, run, write. Only the pipeline writes.
 */
export interface Protocol<C = unknown, N = string | null> {
  /** `key-vault`; the label in logs and metrics. */
  readonly name: string
  readonly operations: readonly AnyOperation<C, N>[]
  /** Whether paths are matched in any letter case (parameters keep theirs). */
  readonly ignoreCase: boolean
  /** Paths are names of the client's own: double slashes, dot segments and a slash at the end mean what they say. */
  readonly keepsPaths?: true
  /**
   * Authenticates and authorises, before any of the body is read. `matched` is null when no operation fits;
   * a protocol that hides what exists throws its 401 first.
   */
  admit(
    head: RequestHead,
    matched: {
      readonly operation: AnyOperation<C, N>
      readonly params: Readonly<Record<string, string>>
    } | null,
  ): Promise<C>
  /** Total: whatever was thrown, an answer in the protocol's form, without our words for what is a bug. */
  fail(thrown: unknown, head: RequestHead): Reply
  /** Headers of every answer, errors included: request ids, versions, security headers. */
  headers(head: RequestHead): Readonly<Record<string, string>>
}

/** The first value of that query name in any letter case; undefined when absent. */
export function queryValue(head: RequestHead, name: string): string | undefined {
  const exact = head.query.get(name)
  if (exact !== null) return exact
  const wanted = name.toLowerCase()
  for (const [key, value] of head.query) if (key.toLowerCase() === wanted) return value
  return undefined
}
