import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { setTimeout } from 'node:timers/promises'
import { isUniqueViolation } from './constraint.ts'
import type { Migration, Records } from './records.ts'

/** The contract's own schema, so that it needs no aggregate's. */
export interface ContractDb {
  readonly item: {
    readonly id: number
    readonly name: string
    readonly body: Uint8Array | null
    readonly size: number | null
    readonly is_hidden: number | boolean | null
  }
}

export const contractMigrations: readonly Migration<ContractDb>[] = [
  {
    name: '0001-item',
    async up(database) {
      await database.schema
        .createTable('item')
        .addColumn('id', 'integer', (column) => column.primaryKey())
        .addColumn('name', 'text', (column) => column.notNull().unique())
        .addColumn('body', 'blob')
        .addColumn('size', 'bigint')
        .addColumn('is_hidden', 'integer')
        .execute()
    },
  },
]

/** The promises that every engine keeps. `open` opens an empty database that was migrated by `contractMigrations`. */
export function recordsContract(name: string, open: () => Promise<Records<ContractDb>>): void {
  describe(`${name} keeps the records contract`, () => {
    let records: Records<ContractDb>
    beforeEach(async () => {
      records = await open()
    })
    afterEach(async () => await records.close())

    const row = (id: number, title = `n${id}`) => ({
      id,
      name: title,
      body: null,
      size: null,
      is_hidden: null,
    })
    const insert = (id: number, title?: string): Promise<number> =>
      records.write(async (transaction) => {
        await transaction.insertInto('item').values(row(id, title)).execute()
        return id
      })
    const ids = async (): Promise<readonly number[]> =>
      (await records.read.selectFrom('item').select('id').orderBy('id').execute()).map(({ id }) => id)

    it('write() resolves with what the work returned, and read sees the commit', async () => {
      expect(await insert(1)).toBe(1)
      expect(await ids()).toEqual([1])
    })

    it('write() rolls back alone the one work that throws among those that share a commit', async () => {
      const refused = new Error('refused')
      const results = await Promise.allSettled([
        insert(1),
        records.write(async (transaction) => {
          await transaction.insertInto('item').values(row(2)).execute()
          throw refused
        }),
        insert(3),
      ])
      expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
      expect(results[1]).toMatchObject({ reason: refused })
      expect(await ids()).toEqual([1, 3])
    })

    it('write() lets a work see what earlier works wrote', async () => {
      const [, seen] = await Promise.all([
        insert(1),
        records.write(async (transaction) => await transaction.selectFrom('item').select('id').execute()),
      ])
      expect(seen.map(({ id }) => id)).toEqual([1])
    })

    it('read sees nothing of a work under way, and does not wait for it', async () => {
      const reached = Promise.withResolvers<undefined>()
      const proceed = Promise.withResolvers<undefined>()
      const writing = records.write(async (transaction) => {
        await transaction.insertInto('item').values(row(1)).execute()
        reached.resolve(undefined)
        await proceed.promise
      })
      await reached.promise
      expect(await ids()).toEqual([])
      proceed.resolve(undefined)
      await writing
      expect(await ids()).toEqual([1])
    })

    it('read.transaction() keeps to one state while others commit', async () => {
      await insert(1)
      const counts = await records.read
        .transaction()
        .setIsolationLevel('repeatable read')
        .execute(async (snapshot) => {
          const before = await snapshot.selectFrom('item').select('id').execute()
          await insert(2)
          const after = await snapshot.selectFrom('item').select('id').execute()
          return [before.length, after.length]
        })
      expect(counts).toEqual([1, 1])
      expect(await ids()).toEqual([1, 2])
    })

    it('read cannot write', async () => {
      await expect(records.read.insertInto('item').values(row(1)).execute()).rejects.toThrow()
      expect(await ids()).toEqual([])
    })

    it('keeps works that await something slow apart from each other', async () => {
      const slow = records.write(async (transaction) => {
        await transaction.insertInto('item').values(row(1)).execute()
        await setTimeout(30)
        await transaction.insertInto('item').values(row(2)).execute()
        throw new Error('slow one refused')
      })
      const quick = insert(3)
      await expect(slow).rejects.toThrow('slow one refused')
      await quick
      expect(await ids()).toEqual([3])
    })

    it('refuses a transaction that is used after its work has ended', async () => {
      let leaked: (() => Promise<unknown>) | undefined
      await records.write(async (transaction) => {
        leaked = async () => await transaction.insertInto('item').values(row(9)).execute()
      })
      await expect(leaked?.()).rejects.toThrow()
      expect(await ids()).toEqual([])
    })

    it.each([
      ['a primary key', row(1, 'other')],
      ['a unique column', row(2, 'n1')],
    ])('isUniqueViolation() tells a second row with %s from other errors', async (_case, second) => {
      await insert(1)
      const write = records.write(
        async (transaction) => await transaction.insertInto('item').values(second).execute(),
      )
      const error: unknown = await write.then(
        () => null,
        (reason: unknown) => reason,
      )
      expect(isUniqueViolation(error)).toBe(true)
      expect(await ids()).toEqual([1])
    })

    it('isUniqueViolation() is false for a missing value and for errors of others', async () => {
      const nameless = { ...row(1), name: null as unknown as string }
      const error: unknown = await records
        .write(async (transaction) => await transaction.insertInto('item').values(nameless).execute())
        .catch((reason: unknown) => reason)
      expect(error).toBeInstanceOf(Error)
      expect(isUniqueViolation(error)).toBe(false)
      expect(isUniqueViolation(new Error('x'))).toBe(false)
    })

    it('a work may catch a violation and go on', async () => {
      await insert(1)
      await records.write(async (transaction) => {
        const result = await transaction
          .insertInto('item')
          .values(row(1))
          .onConflict((conflict) => conflict.doNothing())
          .executeTakeFirst()
        expect(result.numInsertedOrUpdatedRows).toBe(0n)
        await transaction.insertInto('item').values(row(2)).execute()
      })
      expect(await ids()).toEqual([1, 2])
    })

    it('gives back bytes, and integers up to 2^53 - 1, as they were', async () => {
      const body = Uint8Array.from({ length: 256 }, (_, index) => index)
      const size = Number.MAX_SAFE_INTEGER
      await records.write(async (transaction) => {
        await transaction.insertInto('item').values({ id: 1, name: 'a', body, size, is_hidden: 1 }).execute()
        await transaction
          .insertInto('item')
          .values({ ...row(2), body: new Uint8Array(0) })
          .execute()
      })
      const [first, second] = await records.read.selectFrom('item').selectAll().orderBy('id').execute()
      expect(Buffer.from(first!.body!)).toEqual(Buffer.from(body))
      expect(first).toMatchObject({ size, is_hidden: 1 })
      expect(second!.body).toHaveLength(0)
    })

    it('tells how many rows were changed, and returns rows on demand', async () => {
      await Promise.all([insert(1), insert(2), insert(3)])
      const { changed, returned } = await records.write(async (transaction) => ({
        changed: await transaction
          .updateTable('item')
          .set({ size: 5 })
          .where('id', '>', 1)
          .executeTakeFirstOrThrow(),
        returned: await transaction
          .deleteFrom('item')
          .where('id', '=', 3)
          .returning('name')
          .executeTakeFirst(),
      }))
      expect(changed.numUpdatedRows).toBe(2n)
      expect(returned).toEqual({ name: 'n3' })
    })

    it('stream() yields every row, and may be left half-way', async () => {
      await records.write(async (transaction) => {
        for (let id = 1; id <= 500; id++) await transaction.insertInto('item').values(row(id)).execute()
      })
      let count = 0
      for await (const _row of records.read.selectFrom('item').selectAll().stream(50)) count += 1
      expect(count).toBe(500)
      for await (const _row of records.read.selectFrom('item').selectAll().stream(50)) break
      expect(await ids()).toHaveLength(500)
    })

    it('commits a thousand works that arrive at once, in their order', async () => {
      const order: number[] = []
      await Promise.all(Array.from({ length: 1000 }, async (_, id) => order.push(await insert(id))))
      expect(order).toEqual(Array.from({ length: 1000 }, (_, id) => id))
      expect(await ids()).toHaveLength(1000)
    })

    it('close() lets queued works commit first', async () => {
      const writes = [insert(1), insert(2)]
      await records.close()
      expect(await Promise.all(writes)).toEqual([1, 2])
      await expect(insert(3)).rejects.toThrow()
      records = await open()
    })
  })
}
