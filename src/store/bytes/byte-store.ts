import { randomHex } from '../../crypto/random.ts'
import type { Bytes } from '../../kernel/bytes.ts'
import { Fault } from '../../kernel/fault.ts'

/** Opaque name of stored bytes, 32 hex digits. Of sealed bytes it is the extent's random id as well. */
export type BytesRef = string & { readonly __brand: 'BytesRef' }

export function newBytesRef(): BytesRef {
  return randomHex(16) as BytesRef
}

/** @returns null when `text` does not have the shape of a ref. */
export function parseBytesRef(text: string): BytesRef | null {
  return /^[0-9a-f]{32}$/.test(text) ? (text as BytesRef) : null
}

export interface ByteFaults {
  'bytes-missing': { readonly ref: BytesRef }
  /** Fewer, or more, bytes are stored than the record says. */
  'bytes-truncated': { readonly ref: BytesRef }
}

export class ByteFault<K extends keyof ByteFaults = keyof ByteFaults> extends Fault<ByteFaults, K> {
  override readonly name = 'ByteFault'
}

/** From `start` (inclusive) to `end` (exclusive), in bytes. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

export interface StoredBytes {
  readonly ref: BytesRef
  readonly length: number
  readonly modifiedAt: Date
}

/**
 * Write-once bytes, ciphertext only. What `write` returns is durable but unreferenced; the caller's commit of a record is
 * what makes it reachable. Every driver passes `byteStoreContract`.
 */
export interface ByteStore {
  /**
   * Reads `body` to its end, with back-pressure; a chunk belongs to the store once it was yielded. Durable when it resolves.
   * On error or abort nothing stays behind, unless the process dies: then `list` shows it to the sweeper, or it never shows.
   *
   * @throws Outage when the medium fails; Error when `ref` exists; the reason of `signal`
   */
  write(
    ref: BytesRef,
    body: Bytes,
    options: { readonly signal: AbortSignal },
  ): Promise<{ readonly length: number }>
  /**
   * In chunks as large as is sensible, reading ahead by one. Faults come from the iteration.
   *
   * @throws ByteFault `bytes-missing`, `bytes-truncated`
   */
  read(ref: BytesRef, range: ByteRange, options: { readonly signal: AbortSignal }): Bytes
  /** @returns null when there is no such ref. */
  length(ref: BytesRef): Promise<number | null>
  /** Idempotent. Whoever reads meanwhile may read to the end, or not. */
  discard(ref: BytesRef): Promise<void>
  /** All that is whole, in no order; what is written meanwhile may be missing. */
  list(): AsyncIterable<StoredBytes>
}
