import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type BlobBench,
  customerKeyOf,
  get,
  makeContainer,
  never,
  openBlobBench,
  pathOf,
  plainBlob,
  put,
  reading,
} from '../../../test/support/blob-bench.ts'
import { bodyOf } from '../../../test/support/body.ts'
import { HOUR_MS, KIB } from '../../kernel/units.ts'
import { listUncommittedBlobs } from '../../store/records/blob/blocks.ts'
import { getContainer } from './container-rows.ts'
import { noConditions } from './conditions.ts'
import { type WantedEncryption, noEncryption } from './encryption.ts'
import type { PutBlock } from './put-block.ts'
import type { ListedBlock, PutBlockList } from './put-block-list.ts'
import { openService } from './service-seal.ts'

let bench: BlobBench
beforeEach(async () => {
  bench = await openBlobBench()
  await makeContainer(bench)
})
afterEach(async () => {
  await bench[Symbol.asyncDispose]()
})

const idOf = (text: string) => Buffer.from(text).toString('base64')

async function stage(id: string, bytes: Uint8Array, change: Partial<PutBlock> = {}, blob = 'b') {
  const command: PutBlock = {
    block: idOf(id),
    leaseId: null,
    encryption: noEncryption,
    checksum: { md5: null, crc64: null },
    knowsCrc64: true,
    ...change,
  }
  return await bench.blobs.putBlock({ at: pathOf(bench, blob), command }, bodyOf(bytes, 10_000), never)
}

async function commit(
  blocks: readonly (readonly [from: ListedBlock['from'], id: string])[],
  change: Partial<PutBlockList> = {},
) {
  const command: PutBlockList = {
    blocks: blocks.map(([from, id]) => ({ from, id: idOf(id) })),
    ...plainBlob,
    headers: {},
    ...change,
  }
  return await bench.blobs.putBlockList(pathOf(bench, 'b'), command, never)
}

async function list(moment: string | null = null) {
  const found = await bench.blobs.getBlockList(
    { ...pathOf(bench, 'b'), moment },
    { kind: 'all', conditions: noConditions, leaseId: null },
  )
  const names = (blocks: typeof found.committed) =>
    blocks?.map(({ id, length }) => `${Buffer.from(id, 'base64').toString()}:${length}`)
  return { committed: names(found.committed), uncommitted: names(found.uncommitted) }
}

async function files(): Promise<number> {
  let count = 0
  for await (const _ of bench.bytes.list()) count++
  return count
}

describe('a block list', () => {
  it('makes a blob of its blocks in its order, a block as often as it is listed, also after a restart', async () => {
    const [one, two] = [randomBytes(40 * KIB), randomBytes(100)]
    await stage('1', one)
    await stage('2', two)
    const blocks = ['2', '1', '2'].map((id) => ['uncommitted', id] as const)
    const { doc } = await commit(blocks, { metadata: { a: 'b' }, headers: { contentType: 'text/plain' } })
    expect(doc).toMatchObject({
      type: 'BlockBlob',
      length: 40 * KIB + 200,
      headers: { contentType: 'text/plain' },
    })
    await bench.restart()
    expect((await get(bench, 'b')).equals(Buffer.concat([two, one, two]))).toBe(true)
    expect((await bench.blobs.getBlob(pathOf(bench, 'b'), reading, never)).view.metadata).toEqual({ a: 'b' })
    expect(await list()).toEqual({ committed: ['2:100', '1:40960', '2:100'], uncommitted: [] })
  })

  it('takes committed, uncommitted and the latest blocks, and lets go of all others', async () => {
    for (const id of ['a', 'b', 'c']) await stage(id, Buffer.from(`${id}1 `))
    await commit([
      ['latest', 'a'],
      ['latest', 'b'],
      ['latest', 'c'],
    ])
    for (const id of ['a', 'b', 'd']) await stage(id, Buffer.from(`${id}2 `))
    expect(await list()).toEqual({
      committed: ['a:3', 'b:3', 'c:3'],
      uncommitted: ['a:3', 'b:3', 'd:3'],
    })
    await commit([
      ['committed', 'a'],
      ['uncommitted', 'b'],
      ['latest', 'a'],
      ['latest', 'c'],
    ])
    expect((await get(bench, 'b')).toString()).toBe('a1 b2 a2 c1 ')
    expect(await list()).toMatchObject({ uncommitted: [] })
    bench.world.clock.advance(2 * HOUR_MS)
    // b1 was not kept, d2 was never listed.
    expect(await bench.blobs.sweep()).toMatchObject({ extents: 2 })
    expect((await get(bench, 'b')).toString()).toBe('a1 b2 a2 c1 ')
  })

  it('with a block that is not there changes nothing', async () => {
    await stage('1', Buffer.from('one'))
    await put(bench, 'b', Buffer.from('whole')).then(() => stage('2', Buffer.from('two')))
    for (const wanted of [
      ['uncommitted', '1'],
      ['committed', '2'],
      ['latest', '3'],
    ] as const) {
      await expect(commit([['latest', '2'], wanted])).rejects.toMatchObject({ code: 'block-list-invalid' })
    }
    expect((await get(bench, 'b')).toString()).toBe('whole')
    expect(await list()).toEqual({ committed: [], uncommitted: ['2:3'] })
  })

  it('of many blocks comes back whole, also range by range', async () => {
    const blocks = Array.from({ length: 600 }, (_, index) => String(index).padStart(4, '0'))
    await Promise.all(blocks.map((id) => stage(id, Buffer.from(id))))
    await commit(blocks.map((id) => ['latest', id] as const))
    const whole = blocks.join('')
    expect((await get(bench, 'b')).toString()).toBe(whole)
    await stage('0007', Buffer.from('seven'))
    await commit(blocks.map((id) => ['latest', id] as const))
    expect((await get(bench, 'b')).toString()).toBe(whole.replace('0007', 'seven'))
    await put(bench, 'b', Buffer.from('short'))
    bench.world.clock.advance(2 * HOUR_MS)
    await bench.blobs.sweep()
    await bench.blobs.sweep()
    expect(await bench.blobs.usedBytes(bench.account.uid)).toBe('short'.length)
  })

  it('with no blocks makes an empty blob', async () => {
    await stage('1', randomBytes(30 * KIB))
    expect((await commit([])).doc.length).toBe(0)
    bench.world.clock.advance(2 * HOUR_MS)
    await bench.blobs.sweep()
    expect(await files()).toBe(0)
  })
})

describe('a block', () => {
  it('takes the place of an uncommitted one of its id', async () => {
    await stage('1', randomBytes(30 * KIB))
    await stage('2', Buffer.from('two'))
    await stage('1', Buffer.from('one'))
    expect(await list()).toEqual({ committed: [], uncommitted: ['1:3', '2:3'] })
    bench.world.clock.advance(2 * HOUR_MS)
    expect(await bench.blobs.sweep()).toMatchObject({ extents: 1 })
    expect(await files()).toBe(0)
  })

  it('needs a body, and an id as long as the others of the blob', async () => {
    await expect(stage('1', Buffer.alloc(0))).rejects.toMatchObject({ code: 'header-invalid' })
    await stage('1', Buffer.from('one'))
    await expect(stage('0010', Buffer.from('two'))).rejects.toMatchObject({ code: 'block-id-invalid' })
    await stage('0010', Buffer.from('two'), {}, 'another')
  })

  it('with a wrong checksum is not kept', async () => {
    const checksum = { md5: randomBytes(16).toString('base64'), crc64: null }
    await expect(stage('1', randomBytes(30 * KIB), { checksum })).rejects.toMatchObject({
      code: 'md5-mismatch',
    })
    await expect(list()).rejects.toMatchObject({ code: 'blob-not-found' })
    expect(await files()).toBe(0)
  })

  it('alone makes no blob, but one that can be listed', async () => {
    await put(bench, 'c', Buffer.from('c'))
    await stage('1', Buffer.from('one'), {}, 'c')
    for (const blob of ['b/2', 'a', 'b/1'])
      for (const id of ['1', '2']) await stage(id, Buffer.from(id), {}, blob)
    await expect(get(bench, 'a')).rejects.toMatchObject({ code: 'blob-not-found' })
    const seal = await openService(bench.process.keyring, bench.account)
    const { id: container } = await getContainer(bench.process.data.read, seal, 'c1')
    const names = async (query: { prefix: string; from: string; limit: number }) =>
      (await listUncommittedBlobs(bench.process.data.read, { container, ...query })).map(({ name }) => name)
    expect(await names({ prefix: '', from: '', limit: 10 })).toEqual(['a', 'b/1', 'b/2'])
    expect(await names({ prefix: 'b/', from: '', limit: 10 })).toEqual(['b/1', 'b/2'])
    expect(await names({ prefix: '', from: 'b/1', limit: 1 })).toEqual(['b/1'])
  })

  it('goes when the blob is put whole', async () => {
    await stage('1', randomBytes(30 * KIB))
    await put(bench, 'b', Buffer.from('whole'))
    expect(await list()).toEqual({ committed: [], uncommitted: [] })
  })

  it("is bound to its blob: another blob's block, put in its place, does not become its bytes", async () => {
    await stage('1', Buffer.from('one'))
    await stage('1', Buffer.from('two'), {}, 'another')
    await bench.process.data.write(async (db) => {
      const { ref, sealed } = await db
        .selectFrom('blob_blocks')
        .select(['ref', 'sealed'])
        .where('name', '=', 'another')
        .executeTakeFirstOrThrow()
      await db
        .updateTable('blob_blocks')
        .set({ ref: `${ref}x` })
        .where('name', '=', 'another')
        .execute()
      await db.updateTable('blob_blocks').set({ ref, sealed }).where('name', '=', 'b').execute()
    })
    await expect(commit([['latest', '1']])).rejects.toMatchObject({ code: 'content-damaged' })
  })
})

describe('what blocks are sealed under', () => {
  const under = (fill: number): WantedEncryption => ({ scope: null, customerKey: customerKeyOf(fill) })

  it('is one key for all of a blob', async () => {
    await stage('1', Buffer.from('one'), { encryption: under(1) })
    await expect(stage('2', Buffer.from('two'))).rejects.toMatchObject({ code: 'encryption-key-missing' })
    const other = { encryption: under(2) }
    await expect(stage('2', Buffer.from('two'), other)).rejects.toMatchObject({ code: 'encryption-mismatch' })
    await expect(commit([['latest', '1']])).rejects.toMatchObject({ code: 'encryption-key-missing' })
    await expect(commit([['latest', '1']], other)).rejects.toMatchObject({ code: 'encryption-mismatch' })
    await commit([['latest', '1']], { encryption: under(1), metadata: { a: 'b' } })
    const found = await bench.blobs.getBlob(
      pathOf(bench, 'b'),
      { ...reading, customerKey: customerKeyOf(1) },
      never,
    )
    expect(found.view.metadata).toEqual({ a: 'b' })
  })

  it('is that of the blob that is there', async () => {
    await bench.addScope('scope1')
    await bench.addScope('scope2')
    await put(bench, 'b', Buffer.from('whole'), { encryption: { scope: 'scope1', customerKey: null } })
    const scoped = (scope: string) => ({ encryption: { scope, customerKey: null } })
    await expect(stage('1', Buffer.from('one'), scoped('scope2'))).rejects.toMatchObject({
      code: 'encryption-mismatch',
    })
    await expect(stage('1', Buffer.from('one'), { encryption: under(1) })).rejects.toMatchObject({
      code: 'encryption-key-unexpected',
    })
    await stage('1', Buffer.from('one'))
    await stage('2', Buffer.from('two'), scoped('scope1'))
    await commit([
      ['latest', '1'],
      ['latest', '2'],
    ])
    const found = await bench.blobs.getBlob(pathOf(bench, 'b'), reading, never)
    expect(found.view.scopeName).toBe('scope1')
    expect((await get(bench, 'b')).toString()).toBe('onetwo')
  })
})

it('while the key is away, blocks are refused; lists of them are committed and read, if they bring no metadata', async () => {
  await stage('1', Buffer.from('one'))
  bench.setKeyEnabled(false)
  const refused = { code: 'key-refused' }
  await expect(stage('2', Buffer.from('two'))).rejects.toMatchObject(refused)
  await expect(commit([['latest', '1']], { metadata: { a: 'b' } })).rejects.toMatchObject(refused)
  await commit([['latest', '1']])
  expect(await list()).toEqual({ committed: ['1:3'], uncommitted: [] })
})
