import type { DifferentialCommand } from './blob-differential-commands.ts'
import type { Ask } from './blob-differential-tables.ts'
import type { Said } from './blob-model-commands.ts'
import type { Condition } from './blob-model.ts'

/** What differs from one server to the other: what it has told of its blobs before. */
export interface Told {
  readonly container: string
  readonly etags: ReadonlyMap<string, string>
  readonly snapshots: ReadonlyMap<string, readonly string[]>
  /** The URL of a blob that is to be copied. */
  sourceOf(blob: string): string
}

export type Headers = Readonly<Record<string, string>>
type Kind = DifferentialCommand['do']
export type Of<K extends Kind> = Extract<DifferentialCommand, { readonly do: K }>
/** A request to the blob of the command. */
export type OfBlob = Omit<Ask, 'path' | 'blob'> & { readonly query?: string }
export type Requests<K extends Kind> = {
  readonly [C in K]: (command: Of<C>, told: Told) => OfBlob | null
}

export function write(operation: string, ask: Partial<OfBlob>): OfBlob {
  return { operation, method: 'PUT', isWrite: true, ...ask }
}

export function read(operation: string, ask: Partial<OfBlob>): OfBlob {
  return { operation, method: 'GET', ...ask }
}

export function saidHeaders(
  { name, condition, lease }: Said & { readonly name: string },
  { etags }: Told,
): Headers {
  return { ...leaseHeaders(lease), ...conditionHeaders(condition, etags.get(name) ?? '"0x2"') }
}

export function leaseHeaders(lease: string | null): Headers {
  return lease === null ? {} : { 'x-ms-lease-id': lease }
}

export function metadataHeaders(value: string): Headers {
  return value === '' ? {} : { 'x-ms-meta-Key': value }
}

/** Backwards where there is nothing in it. */
export function rangeHeader(from: number, count: number): Headers {
  return { 'x-ms-range': `bytes=${from}-${from + count - 1}` }
}

function conditionHeaders(condition: Condition, etag: string): Headers {
  switch (condition) {
    case 'none':
      return {}
    case 'current':
      return { 'if-match': etag }
    case 'other':
      return { 'if-match': '"0x1"' }
    case 'nothing-there':
      return { 'if-none-match': '*' }
    case 'not-current':
      return { 'if-none-match': etag }
  }
}
