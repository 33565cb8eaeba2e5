import type { Bytes } from '../../kernel/bytes.ts'
import { BlobFault } from './faults.ts'

/** A source's bytes as long as they stay within the limit. @throws BlobFault `copy-source-too-large` in their place */
export async function* atMost(bytes: Bytes, maxBytes: number): AsyncGenerator<Uint8Array> {
  let length = 0
  for await (const chunk of bytes) {
    length += chunk.length
    if (length > maxBytes) throw new BlobFault('copy-source-too-large', { maxBytes })
    yield chunk
  }
}
