/**
 * A body on its way: chunks of any size, read once, with back-pressure. A chunk is given away: whoever yields one does
 * not look at it again, nor yield it twice, since whoever takes it may `free` it.
 */
export type Bytes = AsyncIterable<Uint8Array>

/** Below this the collector is as good. */
const MIN_FREED_BYTES = 4096

/**
 * Gives the memory of a chunk back at once; it is empty from then on. For whoever was given it and is done with it.
 * Left to the collector, memory outside the heap makes V8 mark all of the heap every few dozen MB of a body: measured, more
 * than half of what a transfer costs. Does nothing to a view of something larger.
 */
export function free({ buffer, length }: Uint8Array): void {
  if (length >= MIN_FREED_BYTES && length === buffer.byteLength && buffer instanceof ArrayBuffer) {
    buffer.transfer(0)
  }
}

/** @returns a Buffer over the same memory, without a copy. */
export function asBuffer(raw: Uint8Array): Buffer {
  return Buffer.from(raw.buffer, raw.byteOffset, raw.byteLength)
}

export function base64url(raw: Uint8Array): string {
  return asBuffer(raw).toString('base64url')
}

/** @returns null for anything that is not base64url without padding (RFC 4648 section 5). */
export function parseBase64url(text: string): Buffer | null {
  return /^[A-Za-z0-9_-]*$/.test(text) && text.length % 4 !== 1 ? Buffer.from(text, 'base64url') : null
}

export function hex(raw: Uint8Array): string {
  return asBuffer(raw).toString('hex')
}

/** Not for secrets: returns at the first difference. MACs and passwords are compared in `crypto`. */
export function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0
}

/** Reads a small body whole. For bodies whose limit the pipeline has enforced already. */
export async function collect(body: Bytes): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of body) chunks.push(chunk)
  return chunks.length === 1 && chunks[0] !== undefined ? asBuffer(chunks[0]) : Buffer.concat(chunks)
}
