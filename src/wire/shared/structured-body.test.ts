import fc from 'fast-check'
import { expect, it } from 'vitest'
import { type Bytes, collect } from '../../kernel/bytes.ts'
import { startCrc64 } from '../../kernel/crc64.ts'
import { MIB } from '../../kernel/units.ts'
import { structuredBody, structuredContent } from './structured-body.ts'

async function* inPieces(bytes: Uint8Array, size: number): Bytes {
  for (let at = 0; at < bytes.length; at += size) yield bytes.slice(at, at + size)
}

const encoded = async (content: Uint8Array, size = content.length || 1) =>
  await collect(structuredBody(inPieces(content, size), content.length).stream)
const decoded = async (body: Buffer, content: number, size = body.length) =>
  await collect(structuredContent(inPieces(body, size), { body: body.length, content }))

const crcOf = (bytes: Uint8Array): Buffer => {
  const sum = startCrc64()
  sum.update(bytes)
  return Buffer.from(sum.digestBase64(), 'base64')
}

/** Written out by hand from the page that defines the form. */
function bodyOf(...segments: readonly string[]): Buffer {
  const parts = segments.flatMap((text, index) => {
    const content = Buffer.from(text)
    const header = Buffer.alloc(10)
    header.writeUInt16LE(index + 1)
    header.writeBigUInt64LE(BigInt(content.length), 2)
    return [header, content, crcOf(content)]
  })
  const rest = Buffer.concat([...parts, crcOf(Buffer.from(segments.join('')))])
  const header = Buffer.from('010000000000000000010000000000000000', 'hex').subarray(0, 13)
  header.writeBigUInt64LE(BigInt(13 + rest.length), 1)
  header.writeUInt16LE(segments.length, 11)
  return Buffer.concat([header, rest])
}

it('a structured body is laid out as documented', async () => {
  expect(await encoded(Buffer.from('HelloWorld'))).toEqual(bodyOf('HelloWorld'))
  expect(await encoded(Buffer.alloc(0))).toEqual(bodyOf(''))
  const large = Buffer.alloc(9 * MIB, 'x')
  const body = await encoded(large, 700_000)
  expect(body).toHaveLength(13 + 3 * 18 + large.length + 8)
  expect(structuredBody(inPieces(large, MIB), large.length).length).toBe(body.length)
  expect(body.readUInt16LE(11)).toBe(3)
  expect((await decoded(body, large.length, 999_983)).equals(large)).toBe(true)
})

it('content comes out of segments of any size, in whatever pieces it arrives', async () => {
  const segments = fc.array(fc.string({ maxLength: 20 }), { minLength: 1, maxLength: 6 })
  await fc.assert(
    fc.asyncProperty(segments, fc.integer({ min: 1, max: 40 }), async (texts, size) => {
      const content = Buffer.from(texts.join(''))
      expect(await decoded(bodyOf(...texts), content.length, size)).toEqual(content)
    }),
  )
})

it('a client may send nothing as no segment at all', async () => {
  expect(await decoded(bodyOf(), 0)).toHaveLength(0)
})

it('no bit of a body can change without being found', async () => {
  const body = bodyOf('Hello', 'World')
  for (let bit = 0; bit < body.length * 8; bit++) {
    const damaged = Buffer.from(body)
    damaged.writeUInt8(damaged.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
    await expect(decoded(damaged, 10), `bit ${bit}`).rejects.toMatchObject({ name: 'StructuredBodyFault' })
  }
})

it('a body that is cut off, or goes on, or holds another length, is refused', async () => {
  const body = bodyOf('Hello', 'World')
  for (let length = 0; length < body.length; length++) {
    const cut = inPieces(body.subarray(0, length), 7)
    const reading = collect(structuredContent(cut, { body: body.length, content: 10 }))
    await expect(reading, `${length} bytes`).rejects.toMatchObject({ code: 'malformed' })
  }
  const longer = inPieces(Buffer.concat([body, Buffer.alloc(1)]), 7)
  const reading = collect(structuredContent(longer, { body: body.length, content: 10 }))
  await expect(reading).rejects.toMatchObject({ code: 'malformed' })
  await expect(decoded(body, 9)).rejects.toMatchObject({ code: 'malformed' })
  await expect(decoded(body, 11)).rejects.toMatchObject({ code: 'malformed' })
})

it('tells both checksums when they differ', async () => {
  const body = bodyOf('Hello')
  body.write('J', 23)
  await expect(decoded(body, 5)).rejects.toMatchObject({
    code: 'mismatch',
    facts: {
      user: crcOf(Buffer.from('Hello')).toString('base64'),
      server: crcOf(Buffer.from('Jello')).toString('base64'),
    },
  })
})

it('closes what it reads when its own reader leaves', async () => {
  let isClosed = false
  async function* content(): Bytes {
    try {
      yield Buffer.alloc(11)
      yield Buffer.alloc(11)
    } finally {
      isClosed = true
    }
  }
  for await (const part of structuredBody(content(), 22).stream) if (part.length === 11) break
  expect(isClosed).toBe(true)
})
