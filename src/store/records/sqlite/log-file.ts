import { closeSync, fdatasync, openSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { basename } from 'node:path'
import { promisify } from 'node:util'
import { Outage } from '../../../kernel/fault.ts'

const HEADER_BYTES = 32
const FRAME_HEADER_BYTES = 24
const sync = promisify(fdatasync)

/**
 * SQLite's write-ahead log as a file (https://www.sqlite.org/walformat.html), for making durable what SQLite has written
 * there. Stays the same file while a connection is open. The log bears no lock, so that closing it here frees none.
 */
export class LogFile {
  readonly #path: string
  readonly #descriptor: number

  /**
   * To be opened before the first commit: the kernel tells of a write that failed on each descriptor that was open by then,
   * once, and SQLite keeps to itself what it hears in a checkpoint.
   */
  constructor(path: string) {
    this.#path = path
    this.#descriptor = openSync(path, 'r')
  }

  /**
   * Makes durable what was written before this call. On a thread of the pool, so that nothing else waits for the disk; and by
   * fdatasync, which does not wait for what others write, where SQLite would call fsync.
   *
   * @throws Outage; the kernel then takes the pages for clean, written or not, and another `sync` would write nothing
   */
  async sync(): Promise<void> {
    try {
      await sync(this.#descriptor)
    } catch (cause) {
      throw this.#outage('the disk reports an error', cause)
    }
  }

  /**
   * After a `sync` that failed: writes the first `frames` frames again, as they are in memory, and syncs that. Only while
   * nobody else writes to the log.
   *
   * @throws Outage when that fails, too, or when memory does not hold them any more: then only a start, which takes the log
   *   for what it is, goes on from what the disk has
   */
  async renew(frames: number): Promise<void> {
    try {
      await using file = await open(this.#path, 'r+')
      if (!(await writeAgain(file, frames))) throw this.#outage('the disk lost a part of it: start again')
    } catch (error) {
      throw error instanceof Outage ? error : this.#outage('the disk reports an error', error)
    }
    await this.sync()
  }

  close(): void {
    closeSync(this.#descriptor)
  }

  #outage(reason: string, cause?: unknown): Outage {
    return new Outage(`${basename(this.#path)} could not be made durable: ${reason}`, { cause })
  }
}

/** @returns false at the first frame that is not as it was written: the checksum of each covers all before it */
async function writeAgain(file: FileHandle, frames: number): Promise<boolean> {
  if (frames === 0) return true
  const header = await read(file, 0, HEADER_BYTES)
  if (header === null) return false
  const sum = new RunningSum((header.getUint32(0) & 1) === 0)
  sum.add(header, 0, 24)
  if (!sum.isAt(header, 24)) return false
  await write(file, 0, header)
  const frameBytes = FRAME_HEADER_BYTES + header.getUint32(8)
  for (let index = 0; index < frames; index++) {
    const at = HEADER_BYTES + index * frameBytes
    const frame = await read(file, at, frameBytes)
    if (frame === null || !hasSameSalt(frame, header)) return false
    sum.add(frame, 0, 8)
    sum.add(frame, FRAME_HEADER_BYTES, frameBytes)
    if (!sum.isAt(frame, 16)) return false
    await write(file, at, frame)
  }
  return true
}

/** The salt changes each time the log is begun anew: what is left of an earlier one has another. */
function hasSameSalt(frame: DataView, header: DataView): boolean {
  return frame.getUint32(8) === header.getUint32(16) && frame.getUint32(12) === header.getUint32(20)
}

class RunningSum {
  readonly #isLittleEndian: boolean
  #first = 0
  #second = 0

  constructor(isLittleEndian: boolean) {
    this.#isLittleEndian = isLittleEndian
  }

  add(bytes: DataView, start: number, end: number): void {
    for (let at = start; at < end; at += 8) {
      this.#first = (this.#first + bytes.getUint32(at, this.#isLittleEndian) + this.#second) >>> 0
      this.#second = (this.#second + bytes.getUint32(at + 4, this.#isLittleEndian) + this.#first) >>> 0
    }
  }

  /** Whether the sum so far is the one that is kept there. */
  isAt(bytes: DataView, offset: number): boolean {
    return bytes.getUint32(offset) === this.#first && bytes.getUint32(offset + 4) === this.#second
  }
}

async function read(file: FileHandle, position: number, length: number): Promise<DataView | null> {
  const bytes = new DataView(new ArrayBuffer(length))
  const { bytesRead } = await file.read(bytes, 0, length, position)
  return bytesRead === length ? bytes : null
}

async function write(file: FileHandle, position: number, bytes: DataView): Promise<void> {
  const { bytesWritten } = await file.write(bytes, 0, bytes.byteLength, position)
  if (bytesWritten !== bytes.byteLength) throw new Error('the log could not be written again as a whole')
}
