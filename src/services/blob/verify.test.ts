import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type BlobBench, makeContainer, never, openBlobBench, put } from '../../../test/support/blob-bench.ts'
import { verifyStoredBlobs } from './verify-stored.ts'
import { verifyBlobs } from './verify.ts'

let bench: BlobBench
beforeEach(async () => {
  bench = await openBlobBench()
  await makeContainer(bench)
  await put(bench, 'small', Buffer.from('some bytes'), { metadata: { a: 'b' } })
  await put(bench, 'large', randomBytes(200_000))
})
afterEach(async () => {
  await bench[Symbol.asyncDispose]()
})

async function looked() {
  const found: string[] = []
  const sink = {
    damage: (where: string) => void found.push(where),
    looked: () => undefined,
    opened: () => undefined,
  }
  const { process, bytes, account } = bench
  const accounts = { findScope: async () => null, findScopeByUid: async () => null }
  const stored = await verifyStoredBlobs({ records: process.data, bytes }, sink, never)
  const unkeyed = found.splice(0)
  const content = await verifyBlobs(
    { records: process.data, bytes, keyring: process.keyring, accounts },
    account,
    sink,
    never,
  )
  return { stored, content, unkeyed, opened: found }
}

/** As whoever can write to the database, and has no key. */
async function change(
  name: string,
  to: { readonly name?: string; readonly metadata?: Uint8Array | null },
): Promise<void> {
  await bench.process.data.write(
    async (db) => await db.updateTable('blob_blobs').set(to).where('name', '=', name).execute(),
  )
}

function fileOfLarge(): string {
  const bytes = join(bench.folder, 'bytes')
  const [folder = ''] = readdirSync(bytes).filter(
    (name) => name !== 'staging' && readdirSync(join(bytes, name)).length > 0,
  )
  return join(bytes, folder, readdirSync(join(bytes, folder))[0] ?? '')
}

describe('a verification', () => {
  it('finds nothing wrong where nothing is, and counts what there is', async () => {
    const { stored, content, unkeyed, opened } = await looked()
    expect([unkeyed, opened]).toEqual([[], []])
    expect(stored).toEqual({ extents: 1, bytes: 200_000 })
    expect(content).toEqual({ containers: 1, blobs: 2, bytes: 200_010, underClientKeys: 0 })
  })

  it('sees a file that is missing or too short without any key', async () => {
    const file = fileOfLarge()
    writeFileSync(file, readFileSync(file).subarray(1))
    expect((await looked()).unkeyed).toHaveLength(1)
    rmSync(file)
    const { unkeyed, opened } = await looked()
    expect(unkeyed).toHaveLength(1)
    expect(opened).toEqual(['c1/large'])
  })

  it('sees a bit that turned over, in bytes and in rows', async () => {
    const file = fileOfLarge()
    const bytes = readFileSync(file)
    bytes.writeUInt8(bytes.readUInt8(100_000) ^ 1, 100_000)
    writeFileSync(file, bytes)
    expect((await looked()).opened).toEqual(['c1/large'])
    await change('small', { metadata: new Uint8Array(60) })
    expect((await looked()).opened.sort()).toEqual(['c1/large', 'c1/small'])
  })

  it('sees metadata that were taken away, and a row that was moved', async () => {
    await change('small', { metadata: null })
    expect((await looked()).opened).toEqual(['c1/small'])
    await change('large', { name: 'other' })
    expect((await looked()).opened.sort()).toEqual(['c1/other', 'c1/small'])
  })
})
