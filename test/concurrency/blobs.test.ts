import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeEstate } from '../support/estate.ts'
import { type Rest, openRest } from '../support/rest.ts'
import { makeBlobs, scopeUnder } from '../support/rest-blobs.ts'
import { storedFiles } from '../support/stored-files.ts'
import { type TestServer, startStrongroom } from '../support/strongroom.ts'
import { appended, pages } from './blob-parts.ts'
import { keySwitches, listed, namesIn, wholeContainer } from './blob-spaces.ts'
import { type BlobArena, type BlobWorker, copies, leased, replaced, snapshots } from './blob-workers.ts'
import { runWorkers } from './run-workers.ts'

const RUN_MS = 5_000

describe('blobs written, read, copied, deleted and swept while their key changes', () => {
  let server: TestServer
  let rest: Rest
  let arena: BlobArena

  beforeAll(async () => {
    server = await startStrongroom({ entry: join(import.meta.dirname, 'impatient-server.ts') })
    rest = await openRest(server)
    const estate = await makeEstate(rest)
    const blobs = await makeBlobs(rest, estate, 'account1')
    await rest.armDone('PUT', `${blobs.path}/encryptionScopes/apart`, { properties: scopeUnder(null) })
    await blobs.done('PUT', '/box?restype=container')
    arena = { rest, estate, blobs, done: new Map() }
  })
  afterAll(async () => {
    rest[Symbol.dispose]()
    await server[Symbol.asyncDispose]()
  })

  it('serves at every moment what was acknowledged, whole, and refuses nothing', async () => {
    const checked = [
      replaced('/box/replaced', 2),
      leased('/box/leased', 2),
      appended('/box/log', 3),
      pages('/box/disk', 2),
      copies('/box/copied'),
    ]
    const workers: readonly BlobWorker[] = [
      ...checked.flatMap((work) => work.workers),
      snapshots('/box/snapped'),
      listed('/box', 'listed'),
      wholeContainer('whole'),
      keySwitches(),
    ]
    await runWorkers(workers, arena, RUN_MS)
    console.log(Object.fromEntries(arena.done))
    for (const { check } of checked) await check(arena)
    const everything = [
      ...['replacement', 'block list under a lease', 'lease that another had', 'append', 'list', 'delete'],
      ...['write of pages', 'clearing of pages', 'copy that shares', 'copy in the background', 'snapshots'],
      ...['delete of a container', 'key enabled', 'key rotated', 'key disabled'],
    ]
    for (const what of everything) expect(arena.done.get(what) ?? 0, what).toBeGreaterThan(0)
    expect(server.output()).not.toMatch(/nobody foresaw|failed|"level":"(warn|error)"/)
  })

  it('has not a byte left when all is deleted and swept', async () => {
    const { blobs } = arena
    const containers = namesIn((await blobs.done('GET', '/?comp=list')).text)
    expect(containers).toEqual(['box'])
    for (const name of containers) await blobs.done('DELETE', `/${name}?restype=container`)
    await expect.poll(() => storedFiles(server.dataDir), { timeout: 30_000, interval: 200 }).toEqual([])
  })
})
