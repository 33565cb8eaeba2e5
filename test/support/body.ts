/** Copies of bytes as a body: in chunks of `chunkBytes`, or whole. */
export async function* bodyOf(bytes: Uint8Array, chunkBytes = bytes.length): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += chunkBytes) {
    yield Uint8Array.from(bytes.subarray(at, at + chunkBytes))
  }
}
