import type { Bytes } from '../../kernel/bytes.ts'
import { type RunningCrc64, startCrc64 } from '../../kernel/crc64.ts'
import { Fault } from '../../kernel/fault.ts'
import { MIB } from '../../kernel/units.ts'

/**
 * Bodies with checksums in between, so that both sides find what was damaged on the way. All numbers little-endian:
 *
 *     version (1 byte: 1), length of all (8), flags (2: 1), number of segments (2)
 *     each segment: its number, from 1 (2), length (8), content, CRC-64 of it (8)
 *     CRC-64 of all content (8)
 *
 * https://learn.microsoft.com/rest/api/storageservices/structured-body-format
 */
export const STRUCTURED_BODY = 'XSM/1.0; properties=crc64'

const VERSION = 1
/** Every segment, and the whole, has a CRC-64. */
const FLAGS = 1
const HEADER_BYTES = 13
const SEGMENT_HEADER_BYTES = 10
const SUM_BYTES = 8
const MAX_SEGMENTS = 0xffff
/** Of the segments that we make, unless there would be too many. */
const SEGMENT_BYTES = 4 * MIB

/** The most that the form adds to a content. */
export const MAX_STRUCTURE_BYTES =
  HEADER_BYTES + MAX_SEGMENTS * (SEGMENT_HEADER_BYTES + SUM_BYTES) + SUM_BYTES

export interface StructuredBodyFaults {
  malformed: { readonly reason: string }
  /** Base64. */
  mismatch: { readonly user: string; readonly server: string }
}

export class StructuredBodyFault extends Fault<StructuredBodyFaults> {
  override readonly name = 'StructuredBodyFault'
}

/**
 * The content of a structured body, as it comes: it is whole, and as it was sent, once the end is reached.
 * @param lengths as announced beside the body
 * @throws StructuredBodyFault
 */
export async function* structuredContent(
  body: Bytes,
  lengths: { readonly body: number; readonly content: number },
): Bytes {
  await using input = openInput(body)
  const segments = segmentsOf(await input.exactly(HEADER_BYTES), lengths.body)
  const total = startCrc64()
  let left = lengths.content
  for (let number = 1; number <= segments; number++) {
    const length = segmentLengthOf(await input.exactly(SEGMENT_HEADER_BYTES), number, left)
    const sum = sumOfSegment(total, segments)
    yield* summed(input.next(length), new Set([sum, total]))
    assertSum(sum, await input.exactly(SUM_BYTES))
    left -= length
  }
  if (left > 0) throw malformed(`The segments hold ${left} bytes less than the content.`)
  assertSum(total, await input.exactly(SUM_BYTES))
  if (!(await input.isAtEnd())) throw malformed('More bytes follow its end.')
}

/** @returns how many segments there are */
function segmentsOf(header: Buffer, bodyBytes: number): number {
  const version = header.readUInt8(0)
  if (version !== VERSION) throw malformed(`Its version is ${version}, not ${VERSION}.`)
  const length = header.readBigUInt64LE(1)
  if (length !== BigInt(bodyBytes)) throw malformed(`It says that it has ${length} bytes, not ${bodyBytes}.`)
  const flags = header.readUInt16LE(9)
  if (flags !== FLAGS) throw malformed(`Its flags are ${flags}, not ${FLAGS}.`)
  return header.readUInt16LE(11)
}

function segmentLengthOf(header: Buffer, number: number, left: number): number {
  const found = header.readUInt16LE(0)
  if (found !== number) throw malformed(`Segment ${number} has the number ${found}.`)
  const length = header.readBigUInt64LE(2)
  if (length > BigInt(left)) throw malformed(`Segment ${number} is longer than what is left of the content.`)
  return Number(length)
}

/** That of a single segment is that of all: most bodies have one. */
function sumOfSegment(total: RunningCrc64, segments: number): RunningCrc64 {
  return segments === 1 ? total : startCrc64()
}

async function* summed(parts: Bytes, sums: ReadonlySet<RunningCrc64>): Bytes {
  for await (const part of parts) {
    for (const sum of sums) sum.update(part)
    yield part
  }
}

function assertSum(sum: RunningCrc64, sent: Buffer): void {
  const [user, server] = [sent.toString('base64'), sum.digestBase64()]
  if (user !== server) throw new StructuredBodyFault('mismatch', { user, server })
}

const malformed = (reason: string) => new StructuredBodyFault('malformed', { reason })

interface Input extends AsyncDisposable {
  /** @throws StructuredBodyFault when the body ends before */
  exactly(bytes: number): Promise<Buffer>
  /** As they come. @throws StructuredBodyFault when the body ends before */
  next(bytes: number): Bytes
  isAtEnd(): Promise<boolean>
}

function openInput(body: Bytes): Input {
  const chunks = body[Symbol.asyncIterator]()
  let chunk: Uint8Array = new Uint8Array()
  /** Empty at the end. */
  const some = async (most: number): Promise<Uint8Array> => {
    while (chunk.length === 0) {
      const read: IteratorResult<Uint8Array, unknown> = await chunks.next()
      if (read.done === true) break
      chunk = read.value
    }
    const part = chunk.subarray(0, most)
    chunk = chunk.subarray(part.length)
    return part
  }
  async function* next(bytes: number): Bytes {
    for (let left = bytes; left > 0;) {
      const part = await some(left)
      if (part.length === 0) throw malformed('It ends too early.')
      left -= part.length
      yield part
    }
  }
  return {
    async exactly(bytes) {
      const parts: Uint8Array[] = []
      for await (const part of next(bytes)) parts.push(part)
      return Buffer.concat(parts)
    },
    next,
    isAtEnd: async () => (await some(1)).length === 0,
    [Symbol.asyncDispose]: async () => {
      await chunks.return?.()
    },
  }
}

/** @param length of the content, in bytes */
export function structuredBody(
  content: Bytes,
  length: number,
): { readonly stream: Bytes; readonly length: number } {
  const segmentBytes = Math.max(SEGMENT_BYTES, Math.ceil(length / MAX_SEGMENTS))
  const segments = Math.max(1, Math.ceil(length / segmentBytes))
  const bodyBytes = HEADER_BYTES + segments * (SEGMENT_HEADER_BYTES + SUM_BYTES) + length + SUM_BYTES
  return { stream: structured(content, { length, segmentBytes, segments, bodyBytes }), length: bodyBytes }
}

async function* structured(
  content: Bytes,
  plan: {
    readonly length: number
    readonly segmentBytes: number
    readonly segments: number
    readonly bodyBytes: number
  },
): Bytes {
  await using input = openInput(content)
  yield headerOf(plan)
  const total = startCrc64()
  for (let number = 1; number <= plan.segments; number++) {
    const length = Math.min(plan.segmentBytes, plan.length - (number - 1) * plan.segmentBytes)
    yield segmentHeaderOf(number, length)
    const sum = sumOfSegment(total, plan.segments)
    yield* summed(input.next(length), new Set([sum, total]))
    yield Buffer.from(sum.digestBase64(), 'base64')
  }
  yield Buffer.from(total.digestBase64(), 'base64')
}

function headerOf({
  bodyBytes,
  segments,
}: {
  readonly bodyBytes: number
  readonly segments: number
}): Buffer {
  const header = Buffer.alloc(HEADER_BYTES)
  header.writeUInt8(VERSION, 0)
  header.writeBigUInt64LE(BigInt(bodyBytes), 1)
  header.writeUInt16LE(FLAGS, 9)
  header.writeUInt16LE(segments, 11)
  return header
}

function segmentHeaderOf(number: number, length: number): Buffer {
  const header = Buffer.alloc(SEGMENT_HEADER_BYTES)
  header.writeUInt16LE(number, 0)
  header.writeBigUInt64LE(BigInt(length), 2)
  return header
}
