import { startMd5 } from '../../crypto/digest.ts'
import { startCrc64 } from '../../kernel/crc64.ts'
import { BlobFault } from './faults.ts'

/** What a client says of a body, base64; null: nothing. */
export interface WantedChecksum {
  readonly md5: string | null
  readonly crc64: string | null
}

/** Of a body as it comes: no more is computed than was asked for. */
export interface Checksum {
  update(chunk: Uint8Array): void
  /** @throws BlobFault `md5-mismatch`, `crc64-mismatch` */
  assert(): void
}

export interface Md5Checksum extends Checksum {
  /** Base64. */
  md5(): string
}

export function checksum(wanted: WantedChecksum): Checksum {
  return wanted.md5 === null ? crc64Checksum(wanted) : md5Checksum(wanted)
}

/** For bodies whose MD5 is stored or told, asked for or not. */
export function md5Checksum(wanted: WantedChecksum): Md5Checksum {
  const hash = startMd5()
  const other = crc64Checksum(wanted)
  return {
    update(chunk) {
      hash.update(chunk)
      other.update(chunk)
    },
    md5: () => hash.digestBase64(),
    assert() {
      const server = hash.digestBase64()
      if (wanted.md5 !== null && wanted.md5 !== server) {
        throw new BlobFault('md5-mismatch', { user: wanted.md5, server })
      }
      other.assert()
    },
  }
}

function crc64Checksum({ crc64: user }: WantedChecksum): Checksum {
  if (user === null) return { update: () => undefined, assert: () => undefined }
  const sum = startCrc64()
  return {
    update: (chunk) => sum.update(chunk),
    assert() {
      const server = sum.digestBase64()
      if (user !== server) throw new BlobFault('crc64-mismatch', { user, server })
    },
  }
}
