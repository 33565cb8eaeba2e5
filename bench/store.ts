/**
 * Prints what the embedded stores do on this machine: `node bench/store.ts [folder]`. Nothing is asserted.
 * The folder must lie on the disk that is meant: on a tmpfs fsync costs nothing.
 */
import { mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Kysely } from 'kysely'
import { ExtentKey } from '../src/crypto/extent-key.ts'
import type { Bytes } from '../src/kernel/bytes.ts'
import { KIB, MIB } from '../src/kernel/units.ts'
import { type BytesRef, newBytesRef } from '../src/store/bytes/byte-store.ts'
import { openFileByteStore } from '../src/store/bytes/files/file-byte-store.ts'
import { sealedBytes } from '../src/store/bytes/sealed.ts'
import type { Migration, Records } from '../src/store/records/records.ts'
import { openSqliteRecords } from '../src/store/records/sqlite/sqlite-records.ts'
import { statement } from '../src/store/records/statement.ts'

interface BenchDb {
  readonly item: { readonly id: number; readonly body: Uint8Array }
}

const migrations: readonly Migration<BenchDb>[] = [
  {
    name: '0001-item',
    async up(database) {
      await database.schema
        .createTable('item')
        .addColumn('id', 'integer', (column) => column.primaryKey())
        .addColumn('body', 'blob', (column) => column.notNull())
        .execute()
    },
  },
]

const options = { signal: new AbortController().signal, guard: { check: () => undefined } }

/** Runs `step` `count` times, `width` of them at once. @returns times per second */
async function rate(
  count: number,
  width: number,
  step: (index: number) => Promise<unknown>,
): Promise<number> {
  const startedAt = performance.now()
  let index = 0
  const lane = async (): Promise<void> => {
    while (index < count) await step(index++)
  }
  await Promise.all(Array.from({ length: width }, lane))
  return (count * 1000) / (performance.now() - startedAt)
}

function print(what: string, perSecond: number, bytes = 0): void {
  const speed = bytes > 0 ? `${((perSecond * bytes) / 1e6).toFixed(0).padStart(7)} MB/s` : ''
  console.log(`${what.padEnd(52)} ${perSecond.toFixed(0).padStart(8)}/s ${speed}`)
}

async function* chunks(bytes: number): Bytes {
  const chunk = Buffer.alloc(Math.min(bytes, 64 * KIB), 7)
  for (let left = bytes; left > 0; left -= chunk.length) yield chunk.subarray(0, left)
}

async function drain(body: Bytes): Promise<void> {
  for await (const _chunk of body);
}

async function benchDisk(folder: string): Promise<void> {
  await using handle = await open(join(folder, 'probe'), 'w')
  const page = Buffer.alloc(4 * KIB)
  print(
    'disk: 4 KiB write + fdatasync',
    await rate(500, 1, async (index) => {
      await handle.write(page, 0, page.length, index * page.length)
      await handle.datasync()
    }),
  )
}

/** Processor time of one run of `step`, in microseconds: what else the machine does shows less in it than in a rate. */
async function cpuMicroseconds(count: number, step: (index: number) => Promise<unknown>): Promise<number> {
  for (let index = 0; index < count / 10; index++) await step(index)
  const before = process.cpuUsage()
  for (let index = 0; index < count; index++) await step(index)
  const { user, system } = process.cpuUsage(before)
  return (user + system) / count
}

function printCpu(what: string, microseconds: number): void {
  console.log(`${what.padEnd(52)} ${microseconds.toFixed(1).padStart(8)} µs`)
}

/** As long as those that a push runs. */
const joined = (db: Kysely<BenchDb>, { id, length }: { readonly id: number; readonly length: number }) =>
  db
    .selectFrom('item as a')
    .innerJoin('item as b', 'b.id', 'a.id')
    .innerJoin('item as c', 'c.id', 'b.id')
    .select(['a.id as one', 'a.body as sealed', 'b.id as other', 'c.id as third', 'c.body as last'])
    .where('a.id', '=', id)
    .where('b.id', '<', length)
const itemJoined = statement(joined)
const itemInsert = statement((db: Kysely<BenchDb>, { id, body }: BenchDb['item']) =>
  db.insertInto('item').values({ id, body }),
)

/** Statements that Kysely builds and prints at each run, and the same printed once. */
async function benchStatements(records: Records<BenchDb>): Promise<void> {
  const count = 20_000
  const body = Buffer.alloc(200, 1)
  let nextId = 1_000_000
  const built = (id: number) => joined(records.read, { id, length: id + 1 }).executeTakeFirst()
  const printed = (id: number) => itemJoined.first(records.read, { id, length: id + 1 })
  printCpu('cpu: read, built each time', await cpuMicroseconds(count, built))
  printCpu('cpu: read, printed once', await cpuMicroseconds(count, printed))
  const insertBuilt = (db: Kysely<BenchDb>) => db.insertInto('item').values({ id: nextId++, body }).execute()
  const insertPrinted = (db: Kysely<BenchDb>) => itemInsert.all(db, { id: nextId++, body })
  const tenIn = (insert: (db: Kysely<BenchDb>) => Promise<unknown>) => () =>
    records.write(async (db) => {
      for (let row = 0; row < 10; row++) await insert(db)
    })
  printCpu('cpu: commit of 10 inserts, built', await cpuMicroseconds(count / 20, tenIn(insertBuilt)))
  printCpu('cpu: commit of 10 inserts, printed once', await cpuMicroseconds(count / 20, tenIn(insertPrinted)))
}

async function benchRecords(folder: string): Promise<void> {
  const records = await openSqliteRecords<BenchDb>({
    file: join(folder, 'bench.db'),
    migrations,
    durability: 'full',
  })
  const body = Buffer.alloc(200, 1)
  let id = 0
  const insert = async (): Promise<void> => {
    await records.write(async (transaction) => {
      await transaction.insertInto('item').values({ id: id++, body }).execute()
    })
  }
  print('records: insert, one at a time', await rate(2_000, 1, insert))
  for (const width of [8, 64, 256, 1024])
    print(`records: insert, ${width} at once`, await rate(30_000, width, insert))
  const find = async (index: number): Promise<void> => {
    await records.read.selectFrom('item').selectAll().where('id', '=', index).executeTakeFirst()
  }
  print('records: read by key', await rate(30_000, 8, find))
  await benchStatements(records)
  await records.close()
}

async function benchBytes(folder: string): Promise<void> {
  const store = await openFileByteStore(join(folder, 'bytes'))
  const sealed = sealedBytes(store)
  const put = async (bytes: number): Promise<{ key: ExtentKey; ref: BytesRef; length: number }> => {
    const key = ExtentKey.generate()
    const ref = newBytesRef()
    const { length } = await sealed.write(key, ref, chunks(bytes), options)
    return { key, ref, length }
  }
  for (const width of [1, 8, 32])
    print(`bytes: write 1 KiB sealed, ${width} at once`, await rate(3_000, width, () => put(KIB)), KIB)
  for (const width of [1, 8])
    print(`bytes: write 1 MiB sealed, ${width} at once`, await rate(200, width, () => put(MIB)), MIB)
  for (const width of [1, 4])
    print(
      `bytes: write 64 MiB sealed, ${width} at once`,
      await rate(12, width, () => put(64 * MIB)),
      64 * MIB,
    )
  print(
    'bytes: write 64 MiB bare',
    await rate(8, 1, () => store.write(newBytesRef(), chunks(64 * MIB), options)),
    64 * MIB,
  )

  const big = await put(64 * MIB)
  const small = await put(4 * KIB)
  const get = async ({ key, ref, length }: typeof big, start: number, end: number): Promise<void> =>
    await drain(sealed.read(key, ref, length, { start, end }, options))
  for (const width of [1, 4])
    print(
      `bytes: read 64 MiB sealed, ${width} at once`,
      await rate(24, width, () => get(big, 0, big.length)),
      64 * MIB,
    )
  print(
    'bytes: read 64 MiB bare',
    await rate(16, 1, () => drain(store.read(big.ref, { start: 0, end: big.length }, options))),
    64 * MIB,
  )
  for (const width of [1, 8]) {
    print(
      `bytes: read 64 KiB range of 64 MiB, ${width} at once`,
      await rate(5_000, width, (index) =>
        get(big, (index * 77_777) % (60 * MIB), ((index * 77_777) % (60 * MIB)) + 64 * KIB),
      ),
      64 * KIB,
    )
    print(
      `bytes: read 4 KiB whole, ${width} at once`,
      await rate(5_000, width, () => get(small, 0, small.length)),
      4 * KIB,
    )
  }
  await store[Symbol.asyncDispose]()
}

const folder = await mkdtemp(join(process.argv[2] ?? tmpdir(), 'strongroom-bench-'))
try {
  await benchDisk(folder)
  await benchRecords(folder)
  await benchBytes(folder)
} finally {
  await rm(folder, { recursive: true })
}
