import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type BlobBench,
  customerKeyOf,
  get,
  makeContainer,
  never,
  openBlobBench,
  pathOf,
  reading,
} from '../../../test/support/blob-bench.ts'
import { bodyOf } from '../../../test/support/body.ts'
import { collect } from '../../kernel/bytes.ts'
import type { AppendBlock } from './append-block.ts'
import { findBlob, putBlobState } from './blob-rows.ts'
import { noConditions } from './conditions.ts'
import { getContainer } from './container-rows.ts'
import { type WantedEncryption, noEncryption } from './encryption.ts'
import { openService } from './service-seal.ts'

let bench: BlobBench
beforeEach(async () => {
  bench = await openBlobBench()
  await makeContainer(bench)
})
afterEach(async () => {
  await bench[Symbol.asyncDispose]()
})

const at = () => pathOf(bench, 'log')
const options = { conditions: noConditions, leaseId: null }

async function create(encryption: WantedEncryption = noEncryption): Promise<void> {
  const command = { ...options, encryption, headers: {}, metadata: {}, tags: null, mayOverwrite: true }
  await bench.blobs.putEmptyBlob({ at: at(), command: { ...command, blob: { type: 'AppendBlob' } } }, never)
}

async function append(text: string, change: Partial<AppendBlock> = {}) {
  const checksum = { md5: null, crc64: null }
  const free = { position: null, maxBytes: null, checksum, knowsCrc64: true }
  const command = { ...options, encryption: noEncryption, ...free, ...change }
  return await bench.blobs.appendBlock({ at: at(), command }, bodyOf(Buffer.from(text)), never)
}

describe('appendBlock()', () => {
  it('puts blocks that come at once one after another, each whole, where it says', async () => {
    await create()
    const texts = Array.from({ length: 60 }, (_, index) => `<${'x'.repeat(index)}${index}>`)
    const appended = await Promise.all(texts.map(async (text) => ({ text, ...(await append(text)) })))
    const whole = (await get(bench, 'log')).toString()
    expect(whole.length).toBe(texts.join('').length)
    for (const { text, offset } of appended) expect(whole.slice(offset, offset + text.length)).toBe(text)
    await bench.restart()
    expect((await get(bench, 'log')).toString()).toBe(whole)
  })

  it('lets one of those through that want the same place', async () => {
    await create()
    const outcomes = await Promise.allSettled(['a', 'b', 'c'].map((text) => append(text, { position: 0 })))
    const refused = outcomes.filter(({ status }) => status === 'rejected')
    expect(refused).toHaveLength(2)
    for (const outcome of refused) {
      expect(outcome).toMatchObject({ reason: { code: 'append-position-not-met' } })
    }
    expect((await get(bench, 'log')).length).toBe(1)
  })

  it('needs the key that the blob was made with', async () => {
    const encryption = { scope: null, customerKey: customerKeyOf(1) }
    await create(encryption)
    await append('one', { encryption })
    await expect(append('two')).rejects.toMatchObject({ code: 'encryption-key-missing' })
    const other = { scope: null, customerKey: customerKeyOf(2) }
    await expect(append('two', { encryption: other })).rejects.toMatchObject({ code: 'encryption-mismatch' })
    const { customerKey } = encryption
    const found = await bench.blobs.getBlob(at(), { ...reading, customerKey }, never)
    expect((await collect(found.read({ start: 0, end: 3 }, never))).toString()).toBe('one')
  })

  it('takes no key for a blob without, and no other scope than the blob has', async () => {
    for (const name of ['one', 'other']) await bench.addScope(name)
    await create({ scope: 'one', customerKey: null })
    await append('a')
    await append('b', { encryption: { scope: 'one', customerKey: null } })
    await expect(append('c', { encryption: { scope: 'other', customerKey: null } })).rejects.toMatchObject({
      code: 'encryption-mismatch',
    })
    await expect(
      append('c', { encryption: { scope: null, customerKey: customerKeyOf(1) } }),
    ).rejects.toMatchObject({ code: 'encryption-key-unexpected' })
    expect((await get(bench, 'log')).toString()).toBe('ab')
  })

  it('takes no block beyond the 50,000th', async () => {
    await create()
    await append('a')
    const { data, keyring } = bench.process
    const seal = await openService(keyring, bench.account)
    await data.write(async (db) => {
      const { id } = await getContainer(db, seal, 'c1')
      const state = await findBlob(db, seal, { container: id, name: 'log', moment: null })
      if (state === null) throw new Error('no blob')
      await putBlobState(db, seal, { ...state, doc: { ...state.doc, blockCount: 49_999 } })
    })
    await append('b')
    await expect(append('c')).rejects.toMatchObject({ code: 'block-count-exceeded' })
    expect((await get(bench, 'log')).toString()).toBe('ab')
  })

  it('leaves no bytes behind when it is refused', async () => {
    await create()
    const checksum = { md5: Buffer.alloc(16).toString('base64'), crc64: null }
    await expect(append('x'.repeat(100_000), { checksum })).rejects.toMatchObject({ code: 'md5-mismatch' })
    await expect(append('x'.repeat(100_000), { maxBytes: 10 })).rejects.toMatchObject({
      code: 'max-blob-size-not-met',
    })
    const files = []
    for await (const { ref } of bench.bytes.list()) files.push(ref)
    expect(files).toEqual([])
  })
})
