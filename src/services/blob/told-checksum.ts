import { startCrc64 } from '../../kernel/crc64.ts'
import { type Checksum, type WantedChecksum, md5Checksum } from './checksum.ts'
import { BlobFault } from './faults.ts'

/** Base64; one of the two. */
export interface ToldSums {
  readonly contentMd5: string | null
  readonly contentCrc64: string | null
}

export interface ToldChecksum extends Checksum {
  told(): ToldSums
}

/**
 * For bodies whose checksum the answer tells: MD5 to whoever sent one, or asks in a version that has no other; else CRC-64, also to
 * whoever sent none. https://learn.microsoft.com/rest/api/storageservices/append-block#response-headers
 */
export function toldChecksum(
  wanted: WantedChecksum,
  { knowsCrc64 }: { readonly knowsCrc64: boolean },
): ToldChecksum {
  if (wanted.md5 !== null || (wanted.crc64 === null && !knowsCrc64)) {
    const sum = md5Checksum(wanted)
    return { ...sum, told: () => ({ contentMd5: sum.md5(), contentCrc64: null }) }
  }
  return crc64Told(wanted)
}

function crc64Told({ crc64: user }: WantedChecksum): ToldChecksum {
  const sum = startCrc64()
  return {
    update: (chunk) => sum.update(chunk),
    assert() {
      const server = sum.digestBase64()
      if (user !== null && user !== server) throw new BlobFault('crc64-mismatch', { user, server })
    },
    told: () => ({ contentMd5: null, contentCrc64: sum.digestBase64() }),
  }
}
