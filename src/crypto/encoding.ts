/**
 * Unambiguous encodings for what a tag or a digest binds: no two different lists of fields give the same bytes,
 * because each field is preceded by its length.
 */

/** UTF-8. Refuses lone surrogates, which would all encode to the same U+FFFD. */
export function utf8(text: string): Buffer {
  if (!text.isWellFormed()) throw new TypeError('a context must be well-formed Unicode')
  return Buffer.from(text, 'utf8')
}

export function uint32(value: number): Buffer {
  const raw = Buffer.alloc(4)
  raw.writeUInt32BE(value)
  return raw
}

/** Eight bytes, big-endian, of a non-negative safe integer. */
export function uint64(value: number): Buffer {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError('a non-negative safe integer is wanted')
  const raw = Buffer.alloc(8)
  raw.writeBigUInt64BE(BigInt(value))
  return raw
}

/** uint32be length ‖ bytes. */
export function prefixed(field: Uint8Array | string): Buffer {
  const raw = typeof field === 'string' ? utf8(field) : field
  return Buffer.concat([uint32(raw.length), raw])
}
