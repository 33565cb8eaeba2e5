import type { Bytes } from '../../kernel/bytes.ts'
import { BlobFault } from './faults.ts'

/** Bytes as long as they stay within the limit. @throws BlobFault of that code in their place */
export async function* atMost(
  bytes: Bytes,
  maxBytes: number,
  code: 'body-too-large' | 'copy-source-too-large',
): AsyncGenerator<Uint8Array> {
  let length = 0
  for await (const chunk of bytes) {
    length += chunk.length
    if (length > maxBytes) throw new BlobFault(code, { maxBytes })
    yield chunk
  }
}
