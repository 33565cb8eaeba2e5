import { startMd5 } from '../../crypto/digest.ts'
import { startCrc64 } from '../../kernel/crc64.ts'
import { BlobFault } from './faults.ts'

/** What a client says of a body, base64; null: nothing. */
export interface WantedChecksum {
  readonly md5: string | null
  readonly crc64: string | null
}

/** Of a body as it comes. */
export interface Checksum {
  update(chunk: Uint8Array): void
  /** Base64. */
  md5(): string
  /** @throws BlobFault `md5-mismatch`, `crc64-mismatch` */
  assert(): void
}

export function checksum(wanted: WantedChecksum): Checksum {
  const md5 = startMd5()
  const crc64 = wanted.crc64 === null ? null : startCrc64()
  return {
    update(chunk) {
      md5.update(chunk)
      crc64?.update(chunk)
    },
    md5: () => md5.digestBase64(),
    assert() {
      const server = { md5: md5.digestBase64(), crc64: crc64?.digestBase64() ?? '' }
      if (wanted.md5 !== null && wanted.md5 !== server.md5) {
        throw new BlobFault('md5-mismatch', { user: wanted.md5, server: server.md5 })
      }
      if (wanted.crc64 !== null && wanted.crc64 !== server.crc64) {
        throw new BlobFault('crc64-mismatch', { user: wanted.crc64, server: server.crc64 })
      }
    },
  }
}
