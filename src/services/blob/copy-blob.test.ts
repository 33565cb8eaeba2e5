import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  type BlobBench,
  customerKeyOf,
  get,
  makeContainer,
  never,
  openBlobBench,
  pathOf,
  put,
  reading,
} from '../../../test/support/blob-bench.ts'
import { bodyOf } from '../../../test/support/body.ts'
import {
  copyCommandOf,
  docAt,
  endedCopy,
  listedCopy,
  putBlocks as putBlocksOf,
  storedCount,
} from '../../../test/support/copy-bench.ts'
import { HOUR_MS, KIB, MIB } from '../../kernel/units.ts'
import { LEASE_MS } from '../keyring/testing/installation.ts'
import type { CopyBlob } from './copy-blob.ts'
import type { CopyBlobFromUrl } from './copy-blob-from-url.ts'
import type { CopySource, ForeignContent } from './copy-source.ts'
import { noConditions } from './conditions.ts'
import { noEncryption } from './encryption.ts'
import { BlobFault } from './faults.ts'
import type { BlobPath } from './model.ts'

let bench: BlobBench
beforeEach(async () => {
  bench = await openBlobBench()
  await makeContainer(bench)
})
afterEach(async () => {
  expect(bench.bugs).toEqual([])
  await bench[Symbol.asyncDispose]()
})

const own = (blob: string, moment: string | null = null): CopySource => ({
  kind: 'own',
  at: { ...pathOf(bench, blob), moment },
})
const foreign: CopySource = { kind: 'foreign', url: 'https://elsewhere.test/c/b', bearer: null }

async function copy(
  source: CopySource,
  change: Partial<CopyBlob> = {},
  at: BlobPath = pathOf(bench, 'copy'),
) {
  const command = { ...copyCommandOf(source), sealsBlob: false, ...change }
  return await bench.blobs.copyBlob({ at, command }, never)
}

async function copyNow(source: CopySource, change: Partial<CopyBlobFromUrl> = {}) {
  const command = {
    ...copyCommandOf(source),
    copiesTags: false,
    checksum: { md5: null, crc64: null },
    ...change,
  }
  return await bench.blobs.copyBlobFromUrl({ at: pathOf(bench, 'copy'), command }, never)
}

const docOf = (blob = 'copy') => docAt(bench, pathOf(bench, blob))
const ended = (blob = 'copy') => endedCopy(bench, blob)
const files = () => storedCount(bench)

const putBlocks = (blob: string, blocks: readonly Uint8Array[]) => putBlocksOf(bench, blob, blocks)

async function committed(blob: string) {
  const query = { kind: 'committed' as const, conditions: noConditions, leaseId: null }
  return (await bench.blobs.getBlockList(pathOf(bench, blob), query)).committed?.map(({ id }) => id)
}

/** Another server's answer, whose bytes come when they are let go. */
function elsewhere(bytes: Uint8Array) {
  const gate = Promise.withResolvers<undefined>()
  const begun = Promise.withResolvers<undefined>()
  const content: ForeignContent = {
    doc: { type: 'BlockBlob', length: bytes.length, headers: { contentType: 'text/y' } },
    etag: '0x9',
    metadata: { there: 'x' },
    async *read(signal) {
      begun.resolve(undefined)
      const aborted = new Promise<never>((_, reject) => {
        signal.addEventListener('abort', () => reject(new Error('aborted')), { once: true })
      })
      await Promise.race([gate.promise, aborted])
      yield* bodyOf(bytes, 64 * KIB)
    },
    close: () => undefined,
  }
  bench.foreign = { open: () => Promise.resolve(content) }
  return { begun: begun.promise, release: () => gate.resolve(undefined) }
}

describe('a copy within the account', () => {
  it('shares the bytes of its source, and keeps them when the source goes', async () => {
    const blocks = [randomBytes(40 * KIB), randomBytes(100), randomBytes(20 * KIB)]
    const ids = await putBlocks('a', blocks)
    const before = await files()
    const { doc } = await copy(own('a'))
    expect(doc.copy).toMatchObject({ status: 'success', copied: doc.length, total: doc.length })
    expect(await files()).toBe(before)
    await bench.blobs.deleteBlob(pathOf(bench, 'a'), { conditions: noConditions, leaseId: null })
    bench.world.clock.advance(2 * HOUR_MS)
    await bench.blobs.sweep()
    await bench.restart()
    expect((await get(bench, 'copy')).equals(Buffer.concat(blocks))).toBe(true)
    expect(await committed('copy')).toEqual(ids)
    const { view } = await bench.blobs.getBlob(pathOf(bench, 'copy'), reading, never)
    expect(view.metadata).toEqual({ from: 'source' })
    expect(view.doc).toMatchObject({ headers: { contentType: 'text/x' }, tags: null })
  })

  it('of many blocks shares them too, and what is written to one does not show in the other', async () => {
    await putBlocks(
      'a',
      Array.from({ length: 20 }, (_, index) => Buffer.from([index])),
    )
    await copy(own('a'))
    await put(bench, 'a', Buffer.from('other'))
    bench.world.clock.advance(2 * HOUR_MS)
    for (let sweep = 0; sweep < 3; sweep++) await bench.blobs.sweep()
    expect([...(await get(bench, 'copy'))]).toEqual(Array.from({ length: 20 }, (_, index) => index))
  })

  it('has the metadata that is given in place of its source', async () => {
    await put(bench, 'a', Buffer.from('one'), { metadata: { a: 'b' } })
    await copy(own('a'), { metadata: { c: 'd' }, tags: { x: 'y' } })
    const { view } = await bench.blobs.getBlob(pathOf(bench, 'copy'), reading, never)
    expect(view.metadata).toEqual({ c: 'd' })
    expect(view.doc.tags).toEqual({ x: 'y' })
  })

  it('over its own source leaves it as it is', async () => {
    await put(bench, 'a', Buffer.from('one'), { metadata: { a: 'b' } })
    await copy(own('a'), {}, pathOf(bench, 'a'))
    bench.world.clock.advance(2 * HOUR_MS)
    await bench.blobs.sweep()
    expect((await get(bench, 'a')).toString()).toBe('one')
  })

  it('brings a snapshot back over its base blob', async () => {
    await put(bench, 'a', Buffer.from('old'))
    const { snapshot } = await bench.blobs.snapshotBlob(
      pathOf(bench, 'a'),
      { metadata: null, encryption: noEncryption, conditions: noConditions, leaseId: null },
      never,
    )
    await put(bench, 'a', Buffer.from('new'))
    await copy(own('a', snapshot.moment), {}, pathOf(bench, 'a'))
    expect((await get(bench, 'a')).toString()).toBe('old')
  })

  it('is refused by the conditions of either end', async () => {
    await put(bench, 'a', Buffer.from('one'))
    await put(bench, 'copy', Buffer.from('two'))
    const wrong = { ...noConditions, ifMatch: ['0x1'] }
    await expect(
      copy(own('a'), { source: { source: own('a'), conditions: wrong, customerKey: null } }),
    ).rejects.toMatchObject({ code: 'source-condition-not-met' })
    await expect(copy(own('a'), { conditions: wrong })).rejects.toMatchObject({
      code: 'target-condition-not-met',
    })
    await expect(copy(own('nothing'))).rejects.toMatchObject({
      code: 'source-refused',
      facts: { refusal: { code: 'blob-not-found' } },
    })
    expect((await get(bench, 'copy')).toString()).toBe('two')
  })

  it("of what is under a client's own key is refused: the copy could not be under it", async () => {
    const customerKey = customerKeyOf(1)
    await put(bench, 'a', Buffer.from('one'), { encryption: { scope: null, customerKey } })
    await expect(copy(own('a'))).rejects.toMatchObject({
      facts: { refusal: { code: 'encryption-key-missing' } },
    })
  })

  it('takes the place of no blob of another type', async () => {
    await put(bench, 'a', Buffer.from('one'))
    const { blobs } = bench
    const empty = { ...copyCommandOf(own('a')), headers: {} }
    await blobs.putEmptyBlob(
      { at: pathOf(bench, 'append'), command: { ...empty, blob: { type: 'AppendBlob' } } },
      never,
    )
    await expect(copy(own('a'), {}, pathOf(bench, 'append'))).rejects.toMatchObject({
      code: 'blob-type-invalid',
    })
  })

  it('of an archived blob needs a tier in which it can be read', async () => {
    await put(bench, 'a', Buffer.from('one'), { tier: 'Archive' })
    for (const tier of [null, 'Archive']) {
      await expect(copy(own('a'), { tier })).rejects.toMatchObject({ code: 'blob-archived' })
    }
    await copy(own('a'), { tier: 'Cool' })
    expect((await get(bench, 'copy')).toString()).toBe('one')
    await put(bench, 'b', Buffer.from('two'))
    await expect(copy(own('b'), {}, pathOf(bench, 'a'))).rejects.toMatchObject({ code: 'blob-archived' })
  })
})

describe('a copy under another key', () => {
  it('is sealed anew in the background, blocks and all', async () => {
    await bench.addScope('scope1')
    const blocks = [randomBytes(40 * KIB), randomBytes(100), Buffer.from('x'), randomBytes(3 * MIB)]
    const ids = await putBlocks('a', blocks)
    const { doc } = await copy(own('a'), { encryption: { scope: 'scope1', customerKey: null } })
    expect(doc).toMatchObject({ length: 0, copy: { status: 'pending', copied: 0 } })
    const after = await ended()
    const length = blocks.reduce((sum, block) => sum + block.length, 0)
    expect(after).toMatchObject({ length, copy: { status: 'success', copied: length, total: length } })
    expect(after.etag).not.toBe(doc.etag)
    expect((await get(bench, 'copy')).equals(Buffer.concat(blocks))).toBe(true)
    expect(await committed('copy')).toEqual(ids)
    const { view } = await bench.blobs.getBlob(pathOf(bench, 'copy'), reading, never)
    expect(view).toMatchObject({ scopeName: 'scope1', metadata: { from: 'source' } })
    expect(await files()).toBe(3)
  })

  it('of another account comes whole, and goes with nothing left behind', async () => {
    const first = bench.account
    await put(bench, 'a', randomBytes(100_000))
    const bytes = await get(bench, 'a')
    const source = own('a')
    bench.account = await bench.addAccount('account2')
    bench.others.push(first)
    await makeContainer(bench)
    await copy(source)
    await ended()
    expect((await get(bench, 'copy')).equals(bytes)).toBe(true)
    expect(await bench.blobs.usedBytes(bench.account.uid)).toBe(bytes.length)
    await put(bench, 'copy', Buffer.from('x'))
    bench.world.clock.advance(2 * HOUR_MS)
    await bench.blobs.sweep()
    expect(await files()).toBe(1)
  })

  it('keeps the holes of a page blob', async () => {
    await bench.addScope('scope1')
    const { blobs } = bench
    const made = { ...copyCommandOf(own('a')), headers: {} }
    const page = { type: 'PageBlob', length: 4 * KIB, sequenceNumber: '7', tier: null } as const
    await blobs.putEmptyBlob({ at: pathOf(bench, 'page'), command: { ...made, blob: page } }, never)
    const encryption = { scope: 'scope1', customerKey: null }
    const { doc } = await copy(own('page'), { encryption })
    expect(doc).toMatchObject({ type: 'PageBlob', length: 4 * KIB, sequenceNumber: '7' })
    expect((await ended()).copy?.status).toBe('success')
    expect((await get(bench, 'copy')).equals(Buffer.alloc(4 * KIB))).toBe(true)
    expect(await bench.blobs.usedBytes(bench.account.uid)).toBe(0)
  })

  it('fails when its source changes meanwhile', async () => {
    await bench.addScope('scope1')
    await put(bench, 'a', randomBytes(MIB))
    const slow = elsewhere(Buffer.from('slow'))
    // All hands are busy, so that the copy waits.
    for (const name of ['1', '2', '3', '4']) await copy(foreign, {}, pathOf(bench, name))
    await slow.begun
    await copy(own('a'), { encryption: { scope: 'scope1', customerKey: null } })
    await put(bench, 'a', randomBytes(MIB))
    slow.release()
    expect(await ended()).toMatchObject({
      length: 0,
      copy: {
        status: 'failed',
        statusDescription: '412 ConditionNotMet "The source changed while it was copied."',
      },
    })
    await ended('4')
  })
})

describe('a copy from elsewhere', () => {
  it('comes with its properties', async () => {
    const bytes = randomBytes(200 * KIB)
    elsewhere(bytes).release()
    const { doc } = await copy(foreign)
    expect(doc.copy).toMatchObject({ status: 'pending', source: 'https://account1.blob.core.test/c1/a' })
    expect(await ended()).toMatchObject({ length: bytes.length, headers: { contentType: 'text/y' } })
    expect((await get(bench, 'copy')).equals(bytes)).toBe(true)
    const { view } = await bench.blobs.getBlob(pathOf(bench, 'copy'), reading, never)
    expect(view.metadata).toEqual({ there: 'x' })
  })

  it('that is refused there makes nothing', async () => {
    bench.foreign = {
      open: () => Promise.reject(new BlobFault('copy-source-refused', { status: 403, code: null })),
    }
    await expect(copy(foreign)).rejects.toMatchObject({ code: 'copy-source-refused' })
    await expect(docOf()).rejects.toMatchObject({ code: 'blob-not-found' })
  })

  it('shows how far it is', async () => {
    const chunk = Buffer.alloc(MIB)
    const hang = elsewhere(Buffer.alloc(0))
    const { foreign: inner } = bench
    bench.foreign = {
      open: async (...asked) => {
        const found = await inner.open(...asked)
        return {
          ...found,
          doc: { ...found.doc, length: 40 * MIB },
          async *read(signal) {
            for (let count = 0; count < 40; count++) yield Uint8Array.from(chunk)
            yield* found.read(signal)
          },
        }
      },
    }
    await copy(foreign)
    await hang.begun
    await vi.waitFor(async () => {
      const { copy: shown } = await docOf()
      expect(shown).toMatchObject({ status: 'pending', copied: 32 * MIB, total: 40 * MIB })
    })
    hang.release()
    expect((await ended()).copy).toMatchObject({ status: 'success', copied: 40 * MIB })
  })

  it('is tried again when the source does not answer, and says so meanwhile', async () => {
    const bytes = randomBytes(100)
    const { begun, release } = elsewhere(bytes)
    const answering = bench.foreign
    let asked = 0
    bench.foreign = {
      open: async (...request) => {
        // The first is Copy Blob itself.
        if (++asked === 2) throw new BlobFault('copy-source-unreachable', { reason: 'down' })
        return await answering.open(...request)
      },
    }
    await copy(foreign)
    await begun
    expect((await docOf()).copy).toMatchObject({
      status: 'pending',
      statusDescription: '400 CannotVerifyCopySource "Copy failed."',
    })
    release()
    expect((await ended()).copy).toMatchObject({ status: 'success', statusDescription: null })
    expect((await get(bench, 'copy')).equals(bytes)).toBe(true)
  })

  it('begins anew after a restart', async () => {
    const bytes = randomBytes(200 * KIB)
    const { begun } = elsewhere(bytes)
    await copy(foreign)
    await begun
    elsewhere(bytes).release()
    await bench.restart()
    expect((await ended()).copy?.status).toBe('success')
    expect((await get(bench, 'copy')).equals(bytes)).toBe(true)
    expect(await files()).toBe(1)
  })

  it('waits while the key is away, without any bytes, and ends when it is back', async () => {
    const bytes = randomBytes(200 * KIB)
    const { begun, release } = elsewhere(bytes)
    await copy(foreign)
    await begun
    bench.setKeyEnabled(false)
    release()
    const waiting = {
      status: 'pending',
      statusDescription: '403 KeyVaultEncryptionKeyNotFound "Copy failed."',
    }
    await vi.waitFor(async () => expect(await listedCopy(bench)).toMatchObject(waiting), 20_000)
    expect(await files()).toBe(0)
    bench.setKeyEnabled(true)
    bench.world.clock.advance(LEASE_MS)
    expect((await ended()).copy).toMatchObject({ status: 'success', statusDescription: null })
    expect((await get(bench, 'copy')).equals(bytes)).toBe(true)
  })
})

describe('while a copy is pending', () => {
  it('nothing else writes to its destination, until it is aborted', async () => {
    const { begun } = elsewhere(randomBytes(200 * KIB))
    const { doc } = await copy(foreign, { metadata: { kept: 'yes' } })
    await begun
    const { blobs } = bench
    const at = pathOf(bench, 'copy')
    const refused = { code: 'copy-pending' }
    await expect(put(bench, 'copy', Buffer.from('x'))).rejects.toMatchObject(refused)
    await expect(copy(foreign)).rejects.toMatchObject(refused)
    await expect(putBlocks('copy', [Buffer.from('x')])).rejects.toMatchObject(refused)
    const changing = { conditions: noConditions, leaseId: null }
    await expect(
      blobs.snapshotBlob(at, { metadata: null, encryption: noEncryption, ...changing }, never),
    ).rejects.toMatchObject(refused)
    expect((await get(bench, 'copy')).length).toBe(0)
    const id = doc.copy?.id ?? ''
    const other = '00000000-0000-4000-8000-000000000000'
    await expect(blobs.abortCopy(at, { copyId: other, leaseId: null })).rejects.toMatchObject({
      code: 'copy-id-mismatch',
    })
    bench.setKeyEnabled(false)
    await blobs.abortCopy(at, { copyId: id.toUpperCase(), leaseId: null })
    bench.setKeyEnabled(true)
    bench.world.clock.advance(LEASE_MS)
    const { view } = await blobs.getBlob(at, reading, never)
    expect(view.doc).toMatchObject({ length: 0, copy: { id, status: 'aborted' } })
    expect(view.metadata).toEqual({ kept: 'yes' })
    await expect(blobs.abortCopy(at, { copyId: id, leaseId: null })).rejects.toMatchObject({
      code: 'copy-not-pending',
    })
    await put(bench, 'copy', Buffer.from('x'))
    expect((await docOf()).copy).toBeNull()
  })
})

describe('a synchronous copy', () => {
  it('shares, or is sealed anew, before it answers', async () => {
    await bench.addScope('scope1')
    const blocks = [randomBytes(40 * KIB), Buffer.from('x')]
    const ids = await putBlocks('a', blocks)
    for (const scope of [null, 'scope1']) {
      const encryption = { scope, customerKey: null }
      const { doc } = await copyNow(own('a'), { encryption, copiesTags: true })
      expect(doc).toMatchObject({ copy: { status: 'success' }, tags: { a: 'b' } })
      expect((await get(bench, 'copy')).equals(Buffer.concat(blocks))).toBe(true)
      expect(await committed('copy')).toEqual(ids)
    }
  })

  it('with a checksum that is wrong changes nothing', async () => {
    await bench.addScope('scope1')
    await putBlocks('a', [randomBytes(40 * KIB)])
    const before = await files()
    const checksum = { md5: randomBytes(16).toString('base64'), crc64: null }
    for (const scope of [null, 'scope1']) {
      const encryption = { scope, customerKey: null }
      await expect(copyNow(own('a'), { encryption, checksum })).rejects.toMatchObject({
        code: 'md5-mismatch',
      })
    }
    await expect(docOf()).rejects.toMatchObject({ code: 'blob-not-found' })
    expect(await files()).toBe(before)
  })

  it('is of block blobs of up to 256 MiB', async () => {
    elsewhere(Buffer.from('x')).release()
    const inner = bench.foreign
    bench.foreign = {
      open: async (...asked) => {
        const found = await inner.open(...asked)
        return { ...found, doc: { ...found.doc, length: 256 * MIB + 1 } }
      },
    }
    await expect(copyNow(foreign)).rejects.toMatchObject({ code: 'copy-source-too-large' })
  })
})

it('while the key is away, no copy is made', async () => {
  await put(bench, 'a', Buffer.from('one'))
  bench.setKeyEnabled(false)
  await expect(copy(own('a'))).rejects.toMatchObject({ code: 'key-refused' })
  await expect(copyNow(own('a'))).rejects.toMatchObject({ code: 'key-refused' })
})
