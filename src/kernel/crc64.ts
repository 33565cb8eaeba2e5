/**
 * CRC-64/NVME as Azure's `x-ms-content-crc64` has it: polynomial 0xAD93D23594C93659, reflected, all ones before and after;
 * eight bytes, least significant first, in base64.
 * https://learn.microsoft.com/rest/api/storageservices/put-blob#request-headers-all-blob-types
 */
export interface RunningCrc64 {
  update(chunk: Uint8Array): void
  digestBase64(): string
}

/** The polynomial, reflected, in halves of 32 bits: JavaScript's bitwise numbers are no wider. */
const POLY_HIGH = 0x9a6c9329
const POLY_LOW = 0xac4bc9b5
const TABLE_SIZE = 256

export function startCrc64(): RunningCrc64 {
  let high = 0xffffffff
  let low = 0xffffffff
  return {
    update(chunk) {
      for (const byte of chunk) {
        const index = (low ^ byte) & 0xff
        low = ((low >>> 8) | (high << 24)) ^ (table.low[index] ?? 0)
        high = (high >>> 8) ^ (table.high[index] ?? 0)
      }
    },
    digestBase64() {
      const bytes = Buffer.alloc(8)
      bytes.writeUInt32LE(~low >>> 0, 0)
      bytes.writeUInt32LE(~high >>> 0, 4)
      return bytes.toString('base64')
    },
  }
}

const table = makeTable()

function makeTable(): { readonly high: Uint32Array; readonly low: Uint32Array } {
  const high = new Uint32Array(TABLE_SIZE)
  const low = new Uint32Array(TABLE_SIZE)
  for (let byte = 0; byte < TABLE_SIZE; byte++) {
    let [upper, lower] = [0, byte]
    for (let bit = 0; bit < 8; bit++) {
      const isOdd = (lower & 1) === 1
      lower = (lower >>> 1) | ((upper & 1) << 31)
      upper >>>= 1
      if (isOdd) {
        lower ^= POLY_LOW
        upper ^= POLY_HIGH
      }
    }
    high[byte] = upper
    low[byte] = lower
  }
  return { high, low }
}
