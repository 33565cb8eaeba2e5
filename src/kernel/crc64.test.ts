import fc from 'fast-check'
import { expect, it } from 'vitest'
import { startCrc64 } from './crc64.ts'

function crcOf(...chunks: readonly Uint8Array[]): string {
  const sum = startCrc64()
  for (const chunk of chunks) sum.update(chunk)
  return sum.digestBase64()
}

it("startCrc64() has the catalogue's check value of CRC-64/NVME", () => {
  const check = Buffer.from('ae8b14860a799888', 'hex').reverse().toString('base64')
  expect(crcOf(Buffer.from('123456789'))).toBe(check)
  expect(crcOf()).toBe(Buffer.alloc(8).toString('base64'))
})

it('startCrc64() does not care in what pieces the bytes come', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.nat(100), (bytes, cut) => {
      const single = Array.from(bytes, (byte) => Uint8Array.of(byte))
      expect(crcOf(bytes)).toBe(crcOf(...single))
      expect(crcOf(bytes.subarray(0, cut), bytes.subarray(cut))).toBe(crcOf(bytes))
    }),
  )
})
