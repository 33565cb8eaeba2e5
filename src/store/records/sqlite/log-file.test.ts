import { type FileHandle, open } from 'node:fs/promises'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Outage } from '../../../kernel/fault.ts'
import { SqliteConnection } from './connection.ts'
import { LogFile } from './log-file.ts'

const FRAME_BYTES = 24 + 4096

let folder: string
let path: string
let connection: SqliteConnection
let log: LogFile

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'strongroom-log-'))
  path = join(folder, 'test.db-wal')
  connection = SqliteConnection.openWriter(join(folder, 'test.db'))
  log = new LogFile(path)
  connection.exec('create table item (body)')
  for (let count = 0; count < 5; count++) connection.exec('insert into item values (randomblob(6000))')
})
afterEach(() => {
  vi.restoreAllMocks()
  log.close()
  connection.close()
  rmSync(folder, { recursive: true })
})

const frames = (): number => Number(connection.rows('pragma wal_checkpoint(noop)')[0]?.['log'])

interface Written {
  readonly bytes: Buffer
  readonly position: number
}

/** What is written to files from now on. */
async function noteWrites(): Promise<readonly Written[]> {
  await using probe = await open(path)
  const prototype = Object.getPrototypeOf(probe) as FileHandle
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with its handle below
  const write = prototype.write as (...args: readonly unknown[]) => Promise<{ bytesWritten: number }>
  const written: Written[] = []
  vi.spyOn(prototype, 'write').mockImplementation(async function (this: FileHandle, ...args: unknown[]) {
    const [bytes, , , position] = args as [DataView<ArrayBuffer>, number, number, number]
    written.push({ bytes: Buffer.from(bytes.buffer), position })
    return (await write.apply(this, args)) as never
  })
  return written
}

async function renewal(count: number): Promise<unknown> {
  const synced = vi.spyOn(log, 'sync')
  const error = await log.renew(count).catch((thrown: unknown) => thrown)
  expect(synced).toHaveBeenCalledTimes(error === undefined ? 1 : 0)
  return error
}

describe('renew()', () => {
  it('writes every byte of the log again, and then syncs it', async () => {
    const [before, written] = [readFileSync(path), await noteWrites()]
    expect(await renewal(frames())).toBeUndefined()
    expect(written.map(({ position }) => position)).toEqual([
      0,
      ...Array.from({ length: frames() }, (_, index) => 32 + index * FRAME_BYTES),
    ])
    expect(Buffer.concat(written.map(({ bytes }) => bytes))).toEqual(before)
    expect(readFileSync(path)).toEqual(before)
    expect(connection.rows('pragma integrity_check')).toEqual([{ integrity_check: 'ok' }])
  })

  it('leaves alone what is left of an earlier log behind the frames of this one', async () => {
    connection.rows('pragma wal_checkpoint(restart)')
    connection.exec('insert into item values (1)')
    expect(statSync(path).size).toBeGreaterThan(32 + frames() * FRAME_BYTES)
    const [before, written] = [readFileSync(path), await noteWrites()]
    expect(await renewal(frames())).toBeUndefined()
    expect(written).toHaveLength(1 + frames())
    expect(readFileSync(path)).toEqual(before)
  })

  it('has nothing to do with an empty log', async () => {
    connection.emptyLog()
    expect(await renewal(frames())).toBeUndefined()
  })

  it('refuses frames of an earlier log', async () => {
    const count = frames()
    connection.rows('pragma wal_checkpoint(restart)')
    connection.exec('insert into item values (1)')
    expect(await renewal(count)).toBeInstanceOf(Outage)
  })

  it.each([
    ['of the header', 17],
    ["of a frame's page number", 32 + 2 * FRAME_BYTES],
    ["of a frame's salt", 32 + 2 * FRAME_BYTES + 9],
    ["of a frame's checksum", 32 + 2 * FRAME_BYTES + 20],
    ['of a page', 32 + 2 * FRAME_BYTES + 1000],
    ['of the last page', 32 + 3 * FRAME_BYTES - 1],
  ])('refuses a log in which memory holds another byte %s', async (_case, at) => {
    const bytes = readFileSync(path)
    bytes[at]! ^= 1
    writeFileSync(path, bytes)
    const written = await noteWrites()
    const error = await renewal(3)
    expect(error).toBeInstanceOf(Outage)
    expect(String(error)).toContain('start again')
    // Nothing of what is wrong is made durable.
    for (const { position, bytes: piece } of written) expect(position + piece.length).toBeLessThanOrEqual(at)
  })

  it('refuses a log that ends before its last frame', async () => {
    const count = frames()
    expect(await renewal(count + 1)).toBeInstanceOf(Outage)
  })
})

describe('sync()', () => {
  it('reports what the disk says as an Outage', async () => {
    const other = new LogFile(path)
    other.close()
    await expect(other.sync()).rejects.toThrow(Outage)
  })
})
