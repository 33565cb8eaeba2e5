import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { benchKey } from '../../../test/support/bench-key.ts'
import {
  type BlobBench,
  get,
  makeContainer,
  never,
  openBlobBench,
  pathOf,
  put,
} from '../../../test/support/blob-bench.ts'
import { miscounts, strayFiles } from '../../../test/support/blob-recount.ts'
import {
  copyCommandOf,
  endedCopy,
  holdReads,
  listedCopy,
  storedCount,
} from '../../../test/support/copy-bench.ts'
import { Outage } from '../../kernel/fault.ts'
import { KIB, SECOND_MS } from '../../kernel/units.ts'
import { LEASE_MS, VAULT } from '../keyring/testing/installation.ts'
import { noConditions } from './conditions.ts'
import type { CopySource } from './copy-source.ts'

/** Blobs of account1 are copied to account2, whose key is another. */
let bench: BlobBench
let source: CopySource
const bytes = randomBytes(200 * KIB)
const keys = { source: 'k1', target: 'k2' } as const
beforeEach(async () => {
  bench = await openBlobBench()
  bench.world.vault.addVersion(VAULT, keys.target, await benchKey())
  await makeContainer(bench)
  await put(bench, 'a', bytes)
  source = { kind: 'own', at: pathOf(bench, 'a') }
  bench.others.push(bench.account)
  bench.account = await bench.addAccount('account2', keys.target)
  await makeContainer(bench)
})
afterEach(async () => {
  expect(bench.bugs).toEqual([])
  await bench[Symbol.asyncDispose]()
})

const copy = async (blob = 'copy', scope: string | null = null) => {
  const encryption = { scope, customerKey: null }
  const command = { ...copyCommandOf(source), encryption, sealsBlob: false }
  return await bench.blobs.copyBlob({ at: pathOf(bench, blob), command }, never)
}

/** Ends the process with a copy under way, and begins another one after the key was taken away. */
async function restartWithout(keyName: string): Promise<void> {
  const held = holdReads(bench)
  await copy()
  await held.reached
  bench.setKeyEnabled(false, keyName)
  await bench.restart()
}

function giveBack(keyName: string): void {
  bench.setKeyEnabled(true, keyName)
  bench.world.clock.advance(LEASE_MS)
}

const refused = {
  source: '403 KeyVaultEncryptionKeyNotFound "Copy failed when reading the source."',
  target: '403 KeyVaultEncryptionKeyNotFound "Copy failed."',
}

async function waits(end: keyof typeof keys, blob?: string): Promise<void> {
  const waiting = { status: 'pending', copied: 0, statusDescription: refused[end] }
  await vi.waitFor(async () => expect(await listedCopy(bench, blob)).toMatchObject(waiting), 20_000)
}

describe.each(['source', 'target'] as const)('a copy whose %s lost its key around a restart', (end) => {
  it('waits, and is whole when the key is back', async () => {
    await restartWithout(keys[end])
    await waits(end)
    expect(await storedCount(bench)).toBe(1)
    giveBack(keys[end])
    expect((await endedCopy(bench)).copy).toMatchObject({ status: 'success', statusDescription: null })
    expect((await get(bench, 'copy')).equals(bytes)).toBe(true)
    expect([await miscounts(bench), await strayFiles(bench)]).toEqual([[], []])
  })

  it('fails when the key is back and the source is gone', async () => {
    await restartWithout(keys[end])
    await waits(end)
    const { at } = source as Extract<CopySource, { kind: 'own' }>
    await bench.blobs.deleteBlob(at, { conditions: noConditions, leaseId: null })
    giveBack(keys[end])
    expect(await endedCopy(bench)).toMatchObject({
      length: 0,
      copy: {
        status: 'failed',
        statusDescription: '404 BlobNotFound "Copy failed when reading the source."',
      },
    })
    expect(await miscounts(bench)).toEqual([])
  })

  it('is aborted while the key is away', async () => {
    await restartWithout(keys[end])
    await waits(end)
    const { id = '' } = (await listedCopy(bench)) ?? {}
    await bench.blobs.abortCopy(pathOf(bench, 'copy'), { copyId: id, leaseId: null })
    giveBack(keys[end])
    expect(await endedCopy(bench)).toMatchObject({ length: 0, copy: { status: 'aborted' } })
  })
})

it('a copy that waits asks less and less often', async () => {
  await restartWithout(keys.target)
  const begun = performance.now()
  const told = vi.spyOn(bench.process.data, 'write')
  await waits('target')
  // Long enough for the second try, and for thousands of those of a copy that does not wait in between.
  await vi.waitFor(() => expect(told.mock.calls.length).toBeGreaterThan(1), 20_000)
  const seconds = (performance.now() - begun) / SECOND_MS
  expect(told.mock.calls.length).toBeLessThanOrEqual(2 + Math.log2(1 + seconds))
})

it('a copy into a scope that is disabled around a restart waits until it is enabled', async () => {
  const { uid } = await bench.addScope('scope1')
  const held = holdReads(bench)
  await copy('copy', 'scope1')
  await held.reached
  await bench.addScope('scope1', { uid, isEnabled: false })
  await bench.restart()
  const waiting = { status: 'pending', statusDescription: '403 EncryptionScopeDisabled "Copy failed."' }
  await vi.waitFor(async () => expect(await listedCopy(bench)).toMatchObject(waiting), 20_000)
  await bench.addScope('scope1', { uid })
  expect((await endedCopy(bench)).copy).toMatchObject({ status: 'success', statusDescription: null })
  expect((await get(bench, 'copy')).equals(bytes)).toBe(true)
})

it('a copy is tried again when not even its failure can be written down', async () => {
  const held = holdReads(bench)
  await copy()
  await held.reached
  const full = new Outage('the disk is full')
  // The commit, and what the copy then shows.
  const write = vi.spyOn(bench.process.data, 'write').mockRejectedValueOnce(full).mockRejectedValueOnce(full)
  held.release()
  await vi.waitFor(() => expect(write.mock.calls.length).toBeGreaterThan(2), 20_000)
  expect((await endedCopy(bench)).copy).toMatchObject({ status: 'success', statusDescription: null })
  expect((await get(bench, 'copy')).equals(bytes)).toBe(true)
})
