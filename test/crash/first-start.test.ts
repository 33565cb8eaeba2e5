import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeEstate } from '../support/estate.ts'
import { openRest } from '../support/rest.ts'
import { durableCalls, traceable } from '../support/strace.ts'
import { startStrongroom } from '../support/strongroom.ts'

/** Nth call of each kind and thread; thinned out, as later ones are more of the same. */
const points = [1, 2, 3, 4, 6, 9, 13, 19, 28, 42]

describe.skipIf(process.platform !== 'linux')('a first start that is killed', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'strongroom-first-'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  it('leaves a folder that the next start makes an installation of', async () => {
    let killed = 0
    for (const nth of points) {
      const dataDir = join(folder, String(nth))
      const environment = { ...traceable, NODE_COMPILE_CACHE: join(folder, 'compiled') }
      const inject = `inject=${durableCalls.join(',')}:signal=KILL:when=${nth}`
      const wrap = [
        'strace',
        '-f',
        '-qq',
        '-o',
        '/dev/null',
        '-e',
        `trace=${durableCalls.join(',')}`,
        '-e',
        inject,
      ]
      const isThrough = await startStrongroom({ dataDir, environment, wrap }).then(
        async (server) => {
          // strace ends with what it runs, not the other way round.
          process.kill(Number(await readFile(join(dataDir, 'lock.pid'), 'utf8')), 'SIGKILL')
          await server.stop()
          return true
        },
        () => false,
      )
      if (!isThrough) killed++
      await using server = await startStrongroom({ dataDir, environment })
      using rest = await openRest(server)
      await makeEstate(rest)
      expect(server.output()).not.toMatch(/nobody foresaw|should not have happened/)
      expect(await server.stop()).toBe(0)
      if (isThrough) break
    }
    expect(killed).toBeGreaterThan(4)
  })
})
