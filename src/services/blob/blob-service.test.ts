import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type BlobBench,
  get,
  makeContainer,
  never,
  openBlobBench,
  pathOf,
  put,
  reading,
} from '../../../test/support/blob-bench.ts'
import { collect } from '../../kernel/bytes.ts'
import { KIB, MIB } from '../../kernel/units.ts'
import { LEASE_MS } from '../keyring/testing/installation.ts'
import { noConditions } from './conditions.ts'
import { CustomerProvidedKey } from '../../crypto/customer-provided-key.ts'
import { sha256 } from '../../crypto/digest.ts'

let bench: BlobBench
beforeEach(async () => {
  bench = await openBlobBench()
  await makeContainer(bench)
})
afterEach(async () => {
  await bench[Symbol.asyncDispose]()
})

describe('a block blob', () => {
  it.each([0, 1, 16 * KIB, 16 * KIB + 1, 3 * MIB])(
    'of %i bytes comes back as it was, also after a restart',
    async (length) => {
      const bytes = randomBytes(length)
      await put(bench, 'a/b', bytes, { metadata: { Name: 'value' } })
      await bench.restart()
      expect((await get(bench, 'a/b')).equals(bytes)).toBe(true)
      const found = await bench.blobs.getBlob(pathOf(bench, 'a/b'), reading, never)
      expect(found.view.metadata).toEqual({ Name: 'value' })
      const middle = { start: Math.floor(length / 3), end: Math.ceil(length / 2) }
      expect(
        (await collect(found.read(middle, never))).equals(bytes.subarray(middle.start, middle.end)),
      ).toBe(true)
    },
  )

  it('that is replaced has the new bytes, and another etag', async () => {
    const first = await put(bench, 'b', Buffer.from('one'))
    const second = await put(bench, 'b', Buffer.from('two'))
    expect(second.blob.doc.etag).not.toBe(first.blob.doc.etag)
    expect((await get(bench, 'b')).toString()).toBe('two')
  })

  it('is not replaced by whoever may only create, nor against a condition', async () => {
    await put(bench, 'b', Buffer.from('one'))
    await expect(put(bench, 'b', Buffer.from('two'), { mayOverwrite: false })).rejects.toMatchObject({
      code: 'blob-already-exists',
    })
    const conditions = { ...noConditions, ifMatch: ['0x1'] }
    await expect(put(bench, 'b', Buffer.from('two'), { conditions })).rejects.toMatchObject({
      code: 'condition-not-met',
    })
    expect((await get(bench, 'b')).toString()).toBe('one')
  })

  it('with a wrong checksum is not stored', async () => {
    for (const bytes of [Buffer.from('x'), randomBytes(100_000)]) {
      const checksum = { md5: randomBytes(16).toString('base64'), crc64: null }
      await expect(put(bench, 'b', bytes, { checksum })).rejects.toMatchObject({ code: 'md5-mismatch' })
      await expect(get(bench, 'b')).rejects.toMatchObject({ code: 'blob-not-found' })
    }
  })

  it('under a key of the client opens with that key alone', async () => {
    const key = (fill: number) => {
      const raw = Buffer.alloc(32, fill)
      const parsed = CustomerProvidedKey.parse(raw.toString('base64'), sha256(raw).toString('base64'))
      if (parsed === null) throw new Error('no key')
      return parsed
    }
    const bytes = randomBytes(40_000)
    await put(bench, 'b', bytes, { encryption: { scope: null, customerKey: key(1) }, metadata: { a: 'b' } })
    await expect(get(bench, 'b')).rejects.toMatchObject({ code: 'encryption-key-missing' })
    const opened = (customerKey: CustomerProvidedKey) =>
      bench.blobs.getBlob(pathOf(bench, 'b'), { ...reading, customerKey }, never)
    await expect(opened(key(2))).rejects.toMatchObject({ code: 'encryption-mismatch' })
    const found = await opened(key(1))
    expect(found.view.metadata).toEqual({ a: 'b' })
    expect((await collect(found.read({ start: 0, end: bytes.length }, never))).equals(bytes)).toBe(true)
  })
})

describe('infrastructure encryption', () => {
  it('puts a second layer around bytes and metadata, which an account without it does not open', async () => {
    const plain = bench.account
    bench.account = { ...plain, requiresInfrastructureEncryption: true }
    const [small, large] = [randomBytes(100), randomBytes(200_000)]
    await put(bench, 'small', small, { metadata: { a: 'b' } })
    await put(bench, 'large', large)
    await bench.restart()
    expect((await get(bench, 'small')).equals(small)).toBe(true)
    expect((await get(bench, 'large')).equals(large)).toBe(true)
    bench.account = plain
    for (const name of ['small', 'large'])
      await expect(get(bench, name)).rejects.toMatchObject({ code: 'content-damaged' })
  })
})

describe('while the key is away', () => {
  it('refuses reads and writes of blobs, and goes on with the rest', async () => {
    await put(bench, 'b', Buffer.from('one'))
    bench.setKeyEnabled(false)
    const refused = { name: 'KeyringFault', code: 'key-refused', facts: { cause: 'key-disabled' } }
    await expect(get(bench, 'b')).rejects.toMatchObject(refused)
    await expect(put(bench, 'b', Buffer.from('two'))).rejects.toMatchObject(refused)
    const { account } = bench
    await makeContainer(bench, 'c2')
    const query = { prefix: '', from: '', limit: 10, withDeleted: false }
    const { items } = await bench.blobs.listContainers(account, query)
    expect(items.map(({ name }) => name)).toEqual(['c1', 'c2'])
    bench.setKeyEnabled(true)
    bench.world.clock.advance(LEASE_MS)
    expect((await get(bench, 'b')).toString()).toBe('one')
  })
})

describe('listBlobs()', () => {
  const include = {
    snapshots: false,
    versions: false,
    deleted: false,
    deletedWithVersions: false,
    uncommitted: false,
    metadata: false,
  }
  const names = async (query: { prefix?: string; delimiter?: string; limit?: number }) => {
    const found: string[] = []
    let from = { name: '', moment: '' }
    for (;;) {
      const page = await bench.blobs.listBlobs(
        { account: bench.account, container: 'c1' },
        {
          query: {
            prefix: '',
            delimiter: null,
            limit: 2,
            endBefore: null,
            onlyDeleted: false,
            include,
            from,
            ...query,
          },
          show: (some) => some,
        },
        never,
      )
      for (const item of page.parts.flat()) {
        if ('prefix' in item) found.push(`${item.prefix}*`)
        if ('blob' in item) found.push(item.blob.name)
      }
      if (page.next === null) return found
      from = page.next
    }
  }

  it('goes through all names in order, page by page, and folds what a delimiter ends', async () => {
    const all = ['a', 'a/1', 'a/2', 'a/b/c', 'b', 'ä', '\u{1f600}']
    for (const name of [...all].reverse()) await put(bench, name, Buffer.from(name))
    expect(await names({})).toEqual(all)
    expect(await names({ delimiter: '/' })).toEqual(['a', 'a/*', 'b', 'ä', '\u{1f600}'])
    expect(await names({ delimiter: '/', prefix: 'a/' })).toEqual(['a/1', 'a/2', 'a/b/*'])
    expect(await names({ prefix: 'a/', limit: 100 })).toEqual(['a/1', 'a/2', 'a/b/c'])
  })
})
