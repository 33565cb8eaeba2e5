import type { BytesRef } from './byte-store.ts'

/**
 * Stream headers of extents that were read lately and whose file had the right length: a further range of one takes a
 * single read. They are not secret, and what is stored under a ref never changes.
 */
export class RecentHeaders {
  readonly #max: number
  /** In the order of last use. */
  readonly #known = new Map<BytesRef, { readonly length: number; readonly header: Uint8Array }>()

  constructor(max: number) {
    this.#max = max
  }

  /** @returns null when the ref is not known with that very length */
  find(ref: BytesRef, length: number): Uint8Array | null {
    const known = this.#known.get(ref)
    if (known?.length !== length) return null
    this.#known.delete(ref)
    this.#known.set(ref, known)
    return known.header
  }

  remember(ref: BytesRef, length: number, header: Uint8Array): void {
    // A copy: the header may be a view of a chunk that is far larger.
    this.#known.set(ref, { length, header: Uint8Array.from(header) })
    if (this.#known.size <= this.#max) return
    const oldest = this.#known.keys().next()
    if (oldest.done !== true) this.#known.delete(oldest.value)
  }

  forget(ref: BytesRef): void {
    this.#known.delete(ref)
  }
}
