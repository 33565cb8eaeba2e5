import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeEstate } from '../support/estate.ts'
import { type Rest, openRest } from '../support/rest.ts'
import { restRegistry, sha256 } from '../support/rest-registry.ts'
import { storedFiles } from '../support/stored-files.ts'
import { type TestServer, startStrongroom } from '../support/strongroom.ts'
import type { ImagePart } from '../tools/oci-layout.ts'
import { runWorkers, sharedBy } from './run-workers.ts'
import {
  type Arena,
  type Worker,
  anyImage,
  chunks,
  mounts,
  movedTag,
  ownImages,
  rotation,
  sharedImage,
  wholeRepository,
} from './workers.ts'

const RUN_MS = 20_000

describe('pushes, pulls, deletions, collection and rotations at once', () => {
  let server: TestServer
  let rest: Rest
  let arena: Arena

  beforeAll(async () => {
    server = await startStrongroom({ entry: join(import.meta.dirname, 'impatient-server.ts') })
    rest = await openRest(server)
    const estate = await makeEstate(rest)
    arena = {
      rest,
      estate,
      registry: restRegistry(rest, estate.registry),
      layers: [20, 3_000, 70_000, 140_000].map(layer),
      images: new Map(),
      done: new Map(),
    }
  })
  afterAll(async () => {
    rest[Symbol.dispose]()
    await server[Symbol.asyncDispose]()
  })

  it('serves at every moment what must be there, and nothing else', async () => {
    const tagged = Array.from({ length: 3 }, () => sharedImage(arena.layers))
    const workers: readonly Worker[] = [
      ...[1, 2, 3].map((at) => ownImages(`own/${at}`)),
      ...Array.from({ length: 3 }, () => anyImage),
      ...sharedBy(2, movedTag('moved', 'latest', tagged)),
      mounts('mounted'),
      wholeRepository('whole'),
      chunks('chunked'),
      rotation,
    ]
    await runWorkers(workers, arena, RUN_MS)
    console.log(Object.fromEntries(arena.done))
    const everything = [
      ...['push', 'pull', 'pull of what is gone', 'delete', 'list', 'move of a tag', 'mount', 'rotation'],
      ...['delete of a repository', 'upload in chunks', 'upload left open'],
    ]
    for (const what of everything) expect(arena.done.get(what) ?? 0, what).toBeGreaterThan(3)
    expect(server.output()).not.toMatch(/nobody foresaw|background failed|"level":"(warn|error)"/)
  })

  it('has not a byte left when all is deleted and collected', async () => {
    const { registry } = arena
    const { repositories } = (await registry.send('GET', '/acr/v1/_catalog')).json() as {
      readonly repositories: readonly string[]
    }
    expect(repositories).toEqual(expect.arrayContaining(['own/1', 'own/2', 'own/3', 'moved']))
    for (const name of repositories) {
      expect((await registry.send('DELETE', `/acr/v1/${name}`)).status).toBe(202)
    }
    await expect.poll(() => storedFiles(server.dataDir), { timeout: 30_000, interval: 500 }).toEqual([])
    const usage = await rest.armDone('GET', `${arena.estate.registryPath}/listUsages`)
    expect(usage['value']).toMatchObject([{ name: 'Size', currentValue: 0 }])
  })
})

function layer(size: number): ImagePart {
  const bytes = randomBytes(size)
  return { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: sha256(bytes), size, bytes }
}
