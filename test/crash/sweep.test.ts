import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { SECOND_MS } from '../../src/kernel/units.ts'
import { openLog } from '../../src/observe/log.ts'
import { verify } from '../../src/server/verify.ts'
import { makeBlobs } from '../support/rest-blobs.ts'
import { storedFiles } from '../support/stored-files.ts'
import { type Step, durableCalls, noteSteps, trap, traceable, writingCalls } from '../support/strace.ts'
import { crashPoints } from './crash-points.ts'
import { openCrashSite } from './crash-site.ts'
import { makeGarbage, makeKept, makeOrphan } from './garbage.ts'
import { openSweepers } from './swept-files.ts'

describe.skipIf(process.platform !== 'linux')('a sweep that is killed', () => {
  let folder: string
  let kept: readonly string[]
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'strongroom-sweep-'))
    await using site = await openCrashSite()
    const blobs = await makeBlobs(site.rest, site.estate, 'swept')
    await makeKept(blobs)
    kept = await storedFiles(site.server.dataDir)
    await makeGarbage(site, blobs)
    await site.close()
    await cp(site.server.dataDir, join(folder, 'full'), { recursive: true })
    await makeOrphan(join(folder, 'full'))
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  const copied = async (name: string) => {
    const dataDir = join(folder, name)
    await cp(join(folder, 'full'), dataDir, { recursive: true })
    return dataDir
  }

  it('has taken nothing that is needed, and the next one takes the rest', async () => {
    const steps = await stepsOfSweep(await copied('undisturbed'))
    // Of the main thread are the databases' pages, and what opening and closing them takes.
    const durable = steps.filter(({ thread }) => thread === 'pool')
    let killed = 0
    for (const [index, point] of crashPoints(durable, { maxPoints: 30 }).entries()) {
      const dataDir = await copied(String(index))
      if (await killedAt(dataDir, point)) killed++
      try {
        await assertWhole(dataDir)
        await using sweepers = await openSweepers(dataDir)
        expect(await sweepers.miscounts()).toEqual([])
        for (let count = 0; count < 2; count++) await sweepers.sweep()
        expect(await sweepers.miscounts()).toEqual([])
        expect(await storedFiles(dataDir)).toEqual(kept)
      } catch (cause) {
        throw new Error(`after a crash before ${point.call} ${point.nth} of the ${point.thread} thread`, {
          cause,
        })
      }
      await rm(dataDir, { recursive: true })
    }
    expect(killed).toBeGreaterThan(10)
  })
})

/** The sweep of another process, which waits for its beginning. */
async function sweepIn(dataDir: string) {
  const entry = join(import.meta.dirname, 'sweep-process.ts')
  const child: ChildProcess = spawn(process.execPath, [entry, dataDir], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, ...traceable },
  })
  const ended = once(child, 'exit') as Promise<[number | null, string | null]>
  await Promise.race([once(child.stdout!, 'data'), ended])
  return {
    pid: child.pid!,
    /** @returns what ended it: null when it ended by itself, and well */
    async run() {
      child.stdin!.write('go\n')
      const [code, signal] = await ended
      if (code !== null) expect(code).toBe(0)
      return signal
    },
  }
}

async function stepsOfSweep(dataDir: string): Promise<readonly Step[]> {
  const sweep = await sweepIn(dataDir)
  const notes = await noteSteps(sweep.pid, [...durableCalls, ...writingCalls])
  expect(await sweep.run()).toBeNull()
  return await notes.stop()
}

async function killedAt(dataDir: string, point: Step): Promise<boolean> {
  const sweep = await sweepIn(dataDir)
  const armed = await trap(sweep.pid, point)
  const signal = await sweep.run()
  await armed.sprung
  return signal === 'SIGKILL'
}

/** All rows and files that anything names are there, and open. */
async function assertWhole(dataDir: string): Promise<void> {
  const options = { dataDir, sealKeyFile: null, leaseMs: 5 * SECOND_MS, remoteVaults: [] }
  const { damage, registries, accounts } = await verify({ ...options, log: openLog('silent') })
  expect(damage).toEqual([])
  for (const { key, name } of [...registries, ...accounts]) expect(key, name).toBe('open')
}
