import { Fault } from '../kernel/fault.ts'

/** What the HTTP layer itself refuses; each protocol words these in its own form. */
export interface HttpFaults {
  /** Bad percent-encoding, a control character, a `.` or `..` segment. */
  'path-malformed': { readonly reason: string }
  'operation-unknown': object
  'method-not-allowed': { readonly allowed: readonly string[] }
  'body-too-large': { readonly maxBytes: number }
  'body-malformed': { readonly reason: string }
  /** The client went away, or closed before it had sent what it announced. */
  'body-aborted': object
  'body-too-slow': object
}
export class HttpFault<K extends keyof HttpFaults = keyof HttpFaults> extends Fault<HttpFaults, K> {
  override readonly name = 'HttpFault'
}
