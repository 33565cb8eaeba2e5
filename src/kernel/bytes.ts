/** A body on its way: chunks of any size, read once, with back-pressure. */
export type Bytes = AsyncIterable<Uint8Array>

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
