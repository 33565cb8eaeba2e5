import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync, StatementSync } from 'node:sqlite'
import { setTimeout } from 'node:timers/promises'
import { type Transaction, sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { Outage } from '../../../kernel/fault.ts'
import { DataFolderError } from '../../data-folder-error.ts'
import { durableSoFar } from '../records.ts'
import { type ContractDb, contractMigrations, recordsContract } from '../records.contract.ts'
import { SqliteConnection } from './connection.ts'
import { GroupWriter } from './group-writer.ts'
import { type SqliteRecords, openSqliteRecords } from './sqlite-records.ts'

let folder: string
let file: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'strongroom-records-'))
  file = join(folder, 'test.db')
})
afterEach(() => {
  vi.restoreAllMocks()
  rmSync(folder, { recursive: true })
})

const openIt = (at = file, migrations = contractMigrations): Promise<SqliteRecords<ContractDb>> =>
  openSqliteRecords<ContractDb>({ file: at, migrations, durability: 'full' })

let count = 0
recordsContract('SQLite', async () => await openIt(join(folder, `contract-${count++}.db`)))

const insert = (
  records: SqliteRecords<ContractDb>,
  id: number,
  body: Uint8Array | null = null,
): Promise<unknown> =>
  records.write(async (transaction) => {
    const values = { id, name: `n${id}`, body, size: null, is_hidden: null }
    await transaction.insertInto('item').values(values).execute()
  })
const ids = async (records: SqliteRecords<ContractDb>): Promise<readonly number[]> =>
  (await records.read.selectFrom('item').select('id').orderBy('id').execute()).map(({ id }) => id)
const fails = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => null,
    (error: unknown) => error,
  )
/** An error as `node:sqlite` throws it. */
const sqliteError = (errcode: number): Error =>
  Object.assign(new Error('from the test'), { code: 'ERR_SQLITE_ERROR', errcode })

/** Makes the next run of a statement with this text fail, as the disk would make it. */
function failOnce(text: string, errcode: number): void {
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with its statement below
  const run = StatementSync.prototype.run
  let isArmed = true
  vi.spyOn(StatementSync.prototype, 'run').mockImplementation(function (this: StatementSync, ...parameters) {
    if (!isArmed || this.sourceSQL !== text) return run.apply(this, parameters as never)
    isArmed = false
    throw sqliteError(errcode)
  })
}

describe('openSqliteRecords()', () => {
  it('sets what durability and secrecy rest on', async () => {
    const records = await openIt()
    const pragma = async (name: string): Promise<unknown> =>
      await records.write(async (transaction) => {
        const { rows } = await sql.raw<Record<string, unknown>>(`pragma ${name}`).execute(transaction)
        return Object.values(rows[0] ?? {})[0]
      })
    expect(await pragma('journal_mode')).toBe('wal')
    // Commits are made durable by a flush of our own: see GroupWriter below.
    expect(await pragma('synchronous')).toBe(1)
    expect(await pragma('secure_delete')).toBe(1)
    expect(await pragma('foreign_keys')).toBe(1)
    expect(await pragma('trusted_schema')).toBe(0)
    expect(await pragma('temp_store')).toBe(2)
    expect(statSync(file).mode & 0o777).toBe(0o600)
    expect(statSync(`${file}-wal`).mode & 0o777).toBe(0o600)
    await records.close()
  })

  it('runs each step once, in the order of their names, and keeps what was written', async () => {
    const ran: string[] = []
    const step = (name: string) => ({
      name,
      async up() {
        ran.push(name)
      },
    })
    const first = await openIt(file, [...contractMigrations, step('0003-c'), step('0002-b')])
    await insert(first, 1)
    await first.close()
    const second = await openIt(file, [...contractMigrations, step('0002-b'), step('0003-c'), step('0004-d')])
    expect(await ids(second)).toEqual([1])
    await second.close()
    expect(ran).toEqual(['0002-b', '0003-c', '0004-d'])
  })

  it('makes durable first what a process that was killed left in the log', async () => {
    const killed = SqliteConnection.openWriter(file)
    killed.exec('create table left_behind (x)')
    const [flush, run] = [vi.spyOn(SqliteConnection.prototype, 'flush'), vi.fn(async () => undefined)]
    const records = await openIt(file, [...contractMigrations, { name: '0000-look', up: run }])
    expect(flush.mock.invocationCallOrder[0]).toBeLessThan(run.mock.invocationCallOrder[0]!)
    await records.close()
    killed.close()
  })

  it('undoes a step that fails half-way, and runs it again next time', async () => {
    const create = {
      name: '0002-b',
      async up(t: Transaction<ContractDb>) {
        await sql`create table b (x)`.execute(t)
      },
    }
    const broken = {
      name: '0002-b',
      async up(t: Transaction<ContractDb>) {
        await create.up(t)
        await sql`nonsense`.execute(t)
      },
    }
    await expect(openIt(file, [...contractMigrations, broken])).rejects.toThrow('nonsense')
    await (await openIt(file, [...contractMigrations, create])).close()
  })

  it('refuses a database with a step that it does not know', async () => {
    const newer = { name: '0009-newer', up: async () => undefined }
    await (await openIt(file, [...contractMigrations, newer])).close()
    const error = await fails(openIt())
    expect(error).toBeInstanceOf(DataFolderError)
    expect(String(error)).toContain('test.db was written by a newer Strongroom (it has 0009-newer)')
  })

  it('refuses two steps of one name, and a schema with deferred constraints', async () => {
    const twice = [...contractMigrations, ...contractMigrations]
    await expect(openIt(file, twice)).rejects.toThrow('two migrations')
    const deferred = {
      name: '0002-d',
      async up(t: Transaction<ContractDb>) {
        await sql`create table d (x integer references item (id) deferrable initially deferred)`.execute(t)
      },
    }
    await expect(openIt(file, [...contractMigrations, deferred])).rejects.toThrow('deferred')
  })

  it('says plainly that a file is not a database, or is out of reach', async () => {
    writeFileSync(
      file,
      'this is no database, whatever its name may say; it is long enough to look like one though'.repeat(20),
    )
    const error = await fails(openIt())
    expect(error).toBeInstanceOf(DataFolderError)
    expect(String(error)).toContain('test.db is not a database')
    await expect(openIt(join(folder, 'missing', 'x.db'))).rejects.toThrow(DataFolderError)
  })
})

describe('write()', () => {
  let records: SqliteRecords<ContractDb>
  beforeEach(async () => {
    records = await openIt()
  })
  afterEach(async () => await records.close())

  it.each([
    ['disk full', 13, 'cannot grow: the disk is full'],
    ['fsync failed', 10 | (4 << 8), 'could not be read or written: the disk reports an error'],
    ['read-only', 8, 'read-only'],
    ['busy', 5, 'is locked by another process'],
    ['corrupt', 11, 'is damaged'],
  ])(
    'rejects the whole group when the commit fails (%s), and works again afterwards',
    async (_case, code, words) => {
      await insert(records, 1)
      // However slow the machine: a group that lasts too long would leave its last members to the next.
      vi.spyOn(performance, 'now').mockReturnValue(0)
      failOnce('commit', code)
      const refused = records.write(() => Promise.reject(new Error('refused')))
      const results = await Promise.all([insert(records, 2), refused, insert(records, 3)].map(fails))
      for (const error of results) {
        expect(error).toBeInstanceOf(Outage)
        expect(String(error)).toContain(words)
      }
      expect(await ids(records)).toEqual([1])
      await Promise.all([insert(records, 2), insert(records, 4)])
      expect(await ids(records)).toEqual([1, 2, 4])
    },
  )

  it.each([5, 10])(
    'rejects those that wait when no transaction can begin (%i), and works again',
    async (code) => {
      failOnce('begin immediate', code)
      const results = await Promise.all([insert(records, 1), insert(records, 2)].map(fails))
      expect(results.every((error) => error instanceof Outage)).toBe(true)
      await insert(records, 3)
      expect(await ids(records)).toEqual([3])
    },
  )

  it('survives a rollback that fails too', async () => {
    failOnce('commit', 13)
    const exec = vi.spyOn(DatabaseSync.prototype, 'prepare').mockImplementationOnce(() => {
      throw sqliteError(10)
    })
    await expect(records.write(async () => undefined)).rejects.toThrow(Outage)
    exec.mockRestore()
    await insert(records, 1)
    expect(await ids(records)).toEqual([1])
  })

  it('rejects with Outage what does not fit, and keeps what shares its commit', async () => {
    const limit = await records.write(async (transaction) => {
      const { rows } = await sql<{ page_count: number }>`pragma page_count`.execute(transaction)
      await sql.raw(`pragma max_page_count = ${rows[0]!.page_count + 20}`).execute(transaction)
      return rows[0]!.page_count
    })
    expect(limit).toBeGreaterThan(0)
    const large = Buffer.alloc(1_000_000)
    const [one, two, three] = await Promise.all(
      [insert(records, 1), insert(records, 2, large), insert(records, 3)].map(fails),
    )
    expect(two).toBeInstanceOf(Outage)
    expect(String(two)).toContain('the disk is full')
    // SQLite may undo the whole transaction then; whoever was told of success is there, and nobody else.
    const expected = [one === null ? [1] : [], three === null ? [3] : []].flat()
    expect(await ids(records)).toEqual(expected)
    await insert(records, 4)
    expect(await ids(records)).toEqual([...expected, 4])
  })

  it('refuses at once a write() inside the work of another, but not one that a work left behind', async () => {
    const nested = records.write(async () => await insert(records, 1))
    await expect(nested).rejects.toThrow('inside the work of another')
    let later: Promise<unknown> | undefined
    await records.write(async () => {
      later = setTimeout(20).then(async () => await insert(records, 2))
    })
    await later
    expect(await ids(records)).toEqual([2])
  })

  it('keeps the integers of JavaScript: more digits are refused, not rounded', async () => {
    await records.write(
      async (transaction) =>
        await sql`insert into item (id, name, size) values (1, 'a', 9007199254740993)`.execute(transaction),
    )
    await expect(records.read.selectFrom('item').select('size').execute()).rejects.toThrow('too large')
    await expect(records.read.selectFrom('item').select('name').execute()).resolves.toEqual([{ name: 'a' }])
  })

  it.each([undefined, new Date(), {}, Symbol('x')])(
    'refuses a parameter that it would have to guess at',
    async (value) => {
      const write = records.write(async (transaction) => await sql`select ${value}`.execute(transaction))
      await expect(write).rejects.toThrow(TypeError)
    },
  )

  it('takes booleans as 0 and 1', async () => {
    await records.write(async (transaction) => {
      await transaction
        .insertInto('item')
        .values({ id: 1, name: 'a', body: null, size: null, is_hidden: true })
        .execute()
    })
    expect(await records.read.selectFrom('item').select('is_hidden').executeTakeFirst()).toEqual({
      is_hidden: 1,
    })
  })
})

describe('GroupWriter', () => {
  it('rolls back a work that does not end in time, refuses its later statements, and goes on', async () => {
    await (await openIt()).close()
    const writer = new GroupWriter<ContractDb>({
      openConnection: () => SqliteConnection.openWriter(file),
      maxWorkMs: 20,
    })
    const proceed = Promise.withResolvers<undefined>()
    let late: unknown = null
    const stuck = writer.write(async (transaction) => {
      await sql`insert into item (id, name) values (1, 'a')`.execute(transaction)
      await proceed.promise
      late = await fails(sql`insert into item (id, name) values (2, 'b')`.execute(transaction))
    })
    const other = writer.write(
      async (transaction) => await sql`insert into item (id, name) values (3, 'c')`.execute(transaction),
    )
    await expect(stuck).rejects.toThrow('did not end within 20 ms')
    await other
    proceed.resolve(undefined)
    await setTimeout(5)
    expect(String(late)).toContain('after its work had ended')
    const rows = await writer.between((connection) => connection.rows('select id from item'))
    expect(rows).toEqual([{ id: 3 }])
    await writer.close()
  })

  it.each([
    ['number of works', { maxWorks: 10 }, 10],
    ['time', { maxMs: 0 }, 1],
  ])('bounds a group in %s', async (_case, bound, size) => {
    await (await openIt()).close()
    const writer = new GroupWriter<ContractDb>({
      openConnection: () => SqliteConnection.openWriter(file),
      ...bound,
    })
    const run = vi.spyOn(StatementSync.prototype, 'run')
    await Promise.all(Array.from({ length: 30 }, () => writer.write(async () => undefined)))
    const commits = run.mock.contexts.filter(
      (statement) => (statement as StatementSync).sourceSQL === 'commit',
    )
    expect(commits).toHaveLength(30 / size)
    await writer.close()
  })

  /** A writer, and its connection's flushes, which the test may hold up or fail. */
  async function openFlushed() {
    await (await openIt()).close()
    const connection = SqliteConnection.openWriter(file)
    const writer = new GroupWriter<ContractDb>({ openConnection: () => connection })
    return { writer, connection, flush: vi.spyOn(connection, 'flush') }
  }
  const insertBy = (writer: GroupWriter<ContractDb>, id: number, isFleeting = false): Promise<unknown> =>
    writer.write(
      async (transaction) =>
        await sql`insert into item (id, name) values (${id}, ${`n${id}`})`.execute(transaction),
      { isFleeting },
    )

  it('tells of no outcome before the log is on the disk', async () => {
    const { writer, flush } = await openFlushed()
    const disk = Promise.withResolvers<undefined>()
    flush.mockReturnValueOnce(disk.promise)
    let told = 0
    const written = insertBy(writer, 1).then(() => told++)
    const refused = writer.write(() => Promise.reject(new Error('refused'))).catch(() => told++)
    await vi.waitFor(() => expect(flush).toHaveBeenCalled())
    await setTimeout(5)
    expect(told).toBe(0)
    disk.resolve(undefined)
    await Promise.all([written, refused])
    expect(told).toBe(2)
    await writer.close()
  })

  it('lets a read see what durableSoFar() still waits for', async () => {
    const { writer, flush } = await openFlushed()
    const records = await openIt()
    const disk = Promise.withResolvers<undefined>()
    flush.mockReturnValueOnce(disk.promise)
    const inserted = insertBy(writer, 1)
    await vi.waitFor(async () => expect(await ids(records)).toEqual([1]))
    let isDurable = false
    const durable = durableSoFar(writer).then(() => (isDurable = true))
    await setTimeout(5)
    expect(isDurable).toBe(false)
    disk.resolve(undefined)
    await Promise.all([inserted, durable])
    await records.close()
    await writer.close()
  })

  it('waits for the disk for every group but those that are fleeting throughout', async () => {
    const { writer, flush } = await openFlushed()
    await Promise.all([insertBy(writer, 1, true), insertBy(writer, 2, true)])
    expect(flush).not.toHaveBeenCalled()
    await Promise.all([insertBy(writer, 3, true), insertBy(writer, 4)])
    expect(flush).toHaveBeenCalledTimes(1)
    await writer.close()
  })

  it('never waits for the disk where durability is relaxed', async () => {
    const { connection, flush } = await openFlushed()
    const writer = new GroupWriter<ContractDb>({ openConnection: () => connection, durability: 'relaxed' })
    await insertBy(writer, 1)
    expect(flush).not.toHaveBeenCalled()
    await writer.close()
  })

  it('rejects a group whose flush fails, and commits no other until the log is renewed', async () => {
    const { writer, connection, flush } = await openFlushed()
    await insertBy(writer, 1)
    flush.mockRejectedValueOnce(new Outage('the disk reports an error'))
    const renewLog = vi.spyOn(connection, 'renewLog')
    expect(await fails(insertBy(writer, 2))).toBeInstanceOf(Outage)
    renewLog.mockRejectedValueOnce(new Outage('the disk still does'))
    expect(String(await fails(insertBy(writer, 3)))).toContain('still does')
    renewLog.mockRejectedValueOnce(new Outage('and still'))
    expect(String(await fails(writer.between((opened) => opened.emptyLog())))).toContain('and still')
    await insertBy(writer, 4)
    expect(renewLog).toHaveBeenCalledTimes(3)
    await insertBy(writer, 5)
    expect(renewLog).toHaveBeenCalledTimes(3)
    expect(await writer.between((opened) => opened.rows('select id from item'))).toEqual(
      [1, 2, 4, 5].map((id) => ({ id })),
    )
    await writer.close()
  })

  it('reads nothing while the log is in doubt', async () => {
    const records = await openIt()
    await insert(records, 1)
    vi.spyOn(SqliteConnection.prototype, 'flush').mockRejectedValueOnce(
      new Outage('the disk reports an error'),
    )
    expect(await fails(insert(records, 2))).toBeInstanceOf(Outage)
    const renewLog = vi.spyOn(SqliteConnection.prototype, 'renewLog')
    renewLog.mockRejectedValueOnce(new Outage('memory does not hold it'))
    expect(String(await fails(ids(records)))).toContain('memory does not hold it')
    // Whoever comes next tries again.
    expect(await ids(records)).toEqual([1, 2])
    expect(renewLog).toHaveBeenCalledTimes(2)
    await records.close()
  })

  it('clears a doubt before it closes', async () => {
    const { writer, connection, flush } = await openFlushed()
    const renewLog = vi.spyOn(connection, 'renewLog')
    flush.mockRejectedValueOnce(new Outage('the disk reports an error'))
    expect(await fails(insertBy(writer, 1))).toBeInstanceOf(Outage)
    await writer.close()
    expect(renewLog).toHaveBeenCalledTimes(1)
  })
})

describe('read', () => {
  it('lends no connection twice: streams and transactions run beside each other, more of them than there are connections', async () => {
    const records = await openIt()
    for (let id = 1; id <= 300; id++) await insert(records, id)
    const readAll = async (): Promise<number> => {
      let count = 0
      for await (const _row of records.read.selectFrom('item').selectAll().stream(7)) {
        if (count++ % 50 === 0) await setTimeout(1)
      }
      return count
    }
    expect(await Promise.all(Array.from({ length: 30 }, readAll))).toEqual(
      Array.from({ length: 30 }, () => 300),
    )
    await records.close()
  })

  it('reports a damaged file as an Outage', async () => {
    const records = await openIt()
    for (let id = 1; id <= 200; id++) await insert(records, id, Buffer.alloc(3000, 1))
    await records.close()
    expect(statSync(file).size).toBeGreaterThan(500_000)
    const raw = readFileSync(file)
    writeFileSync(file, raw.fill(0xff, 3 * 4096, raw.length - 4096))
    const damaged = await openIt()
    const error = await fails(damaged.read.selectFrom('item').selectAll().execute())
    expect(error).toBeInstanceOf(Outage)
    expect(String(error)).toContain('test.db is damaged')
    expect(damaged.integrityProblems()).not.toEqual([])
    await damaged.close()
  })
})

describe('scrub()', () => {
  const secret = Buffer.from('a wrapping key that is to be gone')
  const isOnDisk = (): boolean =>
    [file, `${file}-wal`].some((path) => existsSync(path) && readFileSync(path).includes(secret))

  it('leaves nothing of what was deleted in the database or its log', async () => {
    const records = await openIt()
    await insert(records, 1, secret)
    expect(isOnDisk()).toBe(true)
    await records.write(async (transaction) => await transaction.deleteFrom('item').execute())
    expect(isOnDisk()).toBe(true)
    await records.scrub()
    expect(isOnDisk()).toBe(false)
    expect(statSync(`${file}-wal`).size).toBe(0)
    await records.close()
  })

  it('waits for a reader that holds on to the older state', async () => {
    const records = await openIt()
    await insert(records, 1, secret)
    const release = Promise.withResolvers<undefined>()
    const reading = records.read.transaction().execute(async (snapshot) => {
      await snapshot.selectFrom('item').selectAll().execute()
      await release.promise
    })
    await setTimeout(5)
    await records.write(async (transaction) => await transaction.deleteFrom('item').execute())
    let isDone = false
    const scrubbing = records.scrub().then(() => (isDone = true))
    await setTimeout(50)
    expect(isDone).toBe(false)
    release.resolve(undefined)
    await Promise.all([scrubbing, reading])
    expect(isOnDisk()).toBe(false)
    await records.close()
  })
})

describe('backupTo()', () => {
  it('copies one state while writing goes on, into a private file that opens', async () => {
    const records = await openIt()
    for (let id = 0; id < 200; id++) await insert(records, id, Buffer.alloc(10_000, 1))
    const stop = new AbortController()
    let next = 1000
    // Always two rows in one transaction: a copy of one state has an even number of them.
    const writing = (async () => {
      while (!stop.signal.aborted) {
        await records.write(async (transaction) => {
          for (const id of [next, next + 1]) {
            await sql`insert into item (id, name) values (${id}, ${String(id)})`.execute(transaction)
          }
        })
        next += 2
      }
    })()
    await records.backupTo(join(folder, 'copy.db'))
    stop.abort()
    await writing
    await records.close()
    const copy = await openIt(join(folder, 'copy.db'))
    const copied = await ids(copy)
    expect(copied.length % 2).toBe(0)
    expect(copied.length).toBeGreaterThanOrEqual(200)
    expect(copy.integrityProblems()).toEqual([])
    await copy.close()
    expect(statSync(join(folder, 'copy.db')).mode & 0o777).toBe(0o600)
  })

  it('never replaces a file', async () => {
    const records = await openIt()
    writeFileSync(join(folder, 'copy.db'), 'mine')
    await expect(records.backupTo(join(folder, 'copy.db'))).rejects.toThrow('EEXIST')
    expect(readFileSync(join(folder, 'copy.db'), 'utf8')).toBe('mine')
    await records.close()
  })
})

describe('integrityProblems()', () => {
  it('finds a reference to a missing row', async () => {
    const child = {
      name: '0002-child',
      async up(t: Transaction<ContractDb>) {
        await sql`create table child (item_id integer references item (id))`.execute(t)
      },
    }
    const records = await openIt(file, [...contractMigrations, child])
    expect(records.integrityProblems()).toEqual([])
    await records.close()
    const raw = new DatabaseSync(file, { enableForeignKeyConstraints: false })
    raw.exec('insert into child values (77)')
    raw.close()
    const again = await openIt(file, [...contractMigrations, child])
    expect(again.integrityProblems()).toEqual(['a row of child refers to a missing row of item'])
    await again.close()
  })
})
