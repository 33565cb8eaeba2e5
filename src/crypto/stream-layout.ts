import { KIB } from '../kernel/units.ts'

/** Sealed bytes of a full segment, tag included; chosen by measurement (docs/format/stream.md). */
export const SEGMENT_BYTES = 64 * KIB
/** Length byte ‖ salt[32] ‖ nonce prefix[7]. */
const HEADER_BYTES = 40
const SEGMENT_TAG_BYTES = 16
/** The counter has 32 bits, and Tink's Go code refuses its last value. */
const MAX_SEGMENTS = 2 ** 32 - 1

/** Half-open, in unsealed bytes. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/** What to read of the file for an unsealed range. */
export interface SegmentRange {
  /** The segments to open: `first` to `last`, both included. */
  readonly first: number
  readonly last: number
  /** Half-open, in bytes of the file; begins at the first segment's first byte (the header is never in it). */
  readonly fileStart: number
  readonly fileEnd: number
  /** Unsealed bytes to drop from the front of the first segment. */
  readonly skip: number
}

/**
 * Where the segments of one stream lie. The first segment shares its `segmentBytes` with the header, so segment i ends
 * at the file's byte (i + 1) · segmentBytes, except the last, which ends where the file does.
 */
export class StreamLayout {
  readonly length: number
  readonly segmentBytes: number
  readonly headerBytes: number
  readonly segments: number

  constructor(length: number, segmentBytes: number, headerBytes: number = HEADER_BYTES) {
    if (!Number.isSafeInteger(length) || length < 0)
      throw new RangeError('a length is a non-negative integer')
    this.length = length
    this.segmentBytes = segmentBytes
    this.headerBytes = headerBytes
    this.segments = Math.max(1, Math.ceil((length + headerBytes) / (segmentBytes - SEGMENT_TAG_BYTES)))
    if (this.segments > MAX_SEGMENTS) throw new RangeError('a stream has at most 2^32 - 1 segments')
  }

  get sealedLength(): number {
    return this.length + this.headerBytes + SEGMENT_TAG_BYTES * this.segments
  }

  /** Unsealed bytes that segment `index` holds when it is full. */
  capacity(index: number): number {
    return this.segmentBytes - SEGMENT_TAG_BYTES - (index === 0 ? this.headerBytes : 0)
  }

  /** The unsealed offset at which segment `index` begins. */
  plainStart(index: number): number {
    return index === 0 ? 0 : index * (this.segmentBytes - SEGMENT_TAG_BYTES) - this.headerBytes
  }

  fileStart(index: number): number {
    return index === 0 ? this.headerBytes : index * this.segmentBytes
  }

  fileEnd(index: number): number {
    return index === this.segments - 1 ? this.sealedLength : (index + 1) * this.segmentBytes
  }

  /** The segment that holds the unsealed byte `offset`; the last one for offsets at or past the end. */
  segmentAt(offset: number): number {
    const index = Math.floor((offset + this.headerBytes) / (this.segmentBytes - SEGMENT_TAG_BYTES))
    return Math.min(index, this.segments - 1)
  }

  /** @throws RangeError outside 0..length */
  locate({ start, end }: ByteRange): SegmentRange {
    const isInside = Number.isSafeInteger(start) && Number.isSafeInteger(end) && 0 <= start && start <= end
    if (!isInside || end > this.length) throw new RangeError('the range lies outside the stream')
    const first = this.segmentAt(start)
    const last = end > start ? this.segmentAt(end - 1) : first
    return {
      first,
      last,
      fileStart: this.fileStart(first),
      fileEnd: this.fileEnd(last),
      skip: start - this.plainStart(first),
    }
  }
}

/** The length of the whole stream, header and tags included. */
export function sealedLength(length: number, segmentBytes: number = SEGMENT_BYTES): number {
  assertSegmentBytes(segmentBytes)
  return new StreamLayout(length, segmentBytes).sealedLength
}

/** An empty range still names one segment, so that even an empty read proves the stream. @throws RangeError outside 0..length */
export function segmentsOf(
  range: ByteRange,
  length: number,
  segmentBytes: number = SEGMENT_BYTES,
): SegmentRange {
  assertSegmentBytes(segmentBytes)
  return new StreamLayout(length, segmentBytes).locate(range)
}

/** A guard against our own bugs: the sizes that the format allows. */
export function assertSegmentBytes(segmentBytes: number): void {
  if (!Number.isSafeInteger(segmentBytes) || segmentBytes < 64 || segmentBytes > 2 ** 24) {
    throw new RangeError('a segment has 64 bytes to 16 MiB')
  }
}
