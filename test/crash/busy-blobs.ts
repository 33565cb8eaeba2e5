import { setTimeout } from 'node:timers/promises'
import { appended, pages } from '../concurrency/blob-parts.ts'
import { keySwitches } from '../concurrency/blob-spaces.ts'
import { type BlobArena, type CheckedWork, copies, leased, replaced } from '../concurrency/blob-workers.ts'
import { makeBlobs, scopeUnder } from '../support/rest-blobs.ts'
import type { CrashSite } from './crash-site.ts'
import { untilKilled } from './until-killed.ts'

/** Writers of every kind at once, while the account's key changes, in rounds that each end with a crash at any time. */
export interface BusyBlobs {
  /** Checks in the end that nothing is lost of any round. */
  round(): Promise<void>
  /** Deletes it all. */
  end(): Promise<void>
}

export async function makeBusyBlobs(site: CrashSite): Promise<BusyBlobs> {
  const { rest, estate } = site
  const blobs = await makeBlobs(rest, estate, 'busy')
  await rest.armDone('PUT', `${blobs.path}/encryptionScopes/apart`, { properties: scopeUnder(null) })
  await blobs.done('PUT', '/box?restype=container')
  const arena: BlobArena = { rest, estate, blobs, done: new Map() }
  const acknowledged = () => [...arena.done.values()].reduce((sum, times) => sum + times, 0)
  const all: CheckedWork[] = []
  return {
    async round() {
      const at = `/box/round${all.length}`
      const works = [
        ...[replaced(`${at}-replaced`, 2), leased(`${at}-leased`, 2), appended(`${at}-log`, 2)],
        ...[pages(`${at}-disk`, 2), copies(at)],
      ]
      all.push(...works)
      const killed = new AbortController()
      const before = acknowledged()
      const working = [...works.flatMap(({ workers }) => workers), keySwitches()].map((worker) =>
        untilKilled(site, killed.signal, (turn) => worker(arena, turn)),
      )
      const ended = Promise.allSettled(working)
      const over = new AbortController()
      void ended.then(() => over.abort())
      // However slow the machine, there is something to lose by then.
      while (acknowledged() < before + 20 && !over.signal.aborted) await setTimeout(5)
      await setTimeout(Math.random() * 300)
      await site.restart()
      killed.abort()
      for (const outcome of await ended) if (outcome.status === 'rejected') throw outcome.reason
      for (const work of all) await work.check(arena)
      await site.check()
    },
    async end() {
      await blobs.done('DELETE', '/box?restype=container')
    },
  }
}
