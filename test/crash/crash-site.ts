import { expect } from 'vitest'
import { SECOND_MS } from '../../src/kernel/units.ts'
import { openLog } from '../../src/observe/log.ts'
import { type Estate, makeEstate } from '../support/estate.ts'
import { type Rest, openRest } from '../support/rest.ts'
import { type RestRegistry, restRegistry } from '../support/rest-registry.ts'
import { traceable } from '../support/strace.ts'
import { type TestServer, startStrongroom } from '../support/strongroom.ts'
import { verify } from '../../src/server/verify.ts'
import { type BuiltImage } from '../tools/oci-layout.ts'
import { randomImage } from '../support/random-image.ts'

/** A server that is killed over and over, with a registry under a customer's key and an image that must outlive it all. */
export interface CrashSite extends AsyncDisposable {
  readonly server: TestServer
  readonly rest: Rest
  readonly estate: Estate
  readonly registry: RestRegistry
  readonly anchor: BuiltImage
  /** What a server gets at a crash point; STOP: it is halted there, and `restart` does the rest. */
  readonly signal: 'KILL' | 'STOP'
  /** SIGKILL, unless that has happened, and a start on the same folder. */
  restart(): Promise<void>
  /** What holds after every crash: the anchor is pulled, and the log tells of no bug. */
  check(): Promise<void>
  /** Ends the server; then `strongroom verify` finds nothing, with every key open. */
  close(): Promise<void>
}

/** Where a site's data lies, when that is a disk of its own whose power can be cut. */
export interface CutDisk {
  readonly dataDir: string
  /** What was not made durable is lost, and nothing more gets there. */
  cut(): Promise<void>
  /** After `cut`, once no process holds on to it. */
  mountAgain(): Promise<void>
}

export async function openCrashSite(
  args: readonly string[] = [],
  disk: CutDisk | null = null,
): Promise<CrashSite> {
  await using opened = new AsyncDisposableStack()
  const server = opened.use(
    await startStrongroom({
      args,
      ...(disk === null ? {} : { dataDir: disk.dataDir }),
      environment: traceable,
    }),
  )
  const rest = opened.use(await openRest(server))
  const estate = await makeEstate(rest)
  const registry = restRegistry(rest, estate.registry)
  const anchor = randomImage()
  await registry.push('anchor', 'v1', anchor)
  const all = opened.move()
  return {
    server,
    rest,
    estate,
    registry,
    anchor,
    signal: disk === null ? 'KILL' : 'STOP',
    async restart() {
      await disk?.cut()
      await server.stop('SIGKILL')
      await disk?.mountAgain()
      rest.reset()
      await server.start()
    },
    async check() {
      expect(await registry.pull('anchor', 'v1')).toBe(anchor.manifest.digest)
      expect(server.output()).not.toMatch(/nobody foresaw|background failed|should not have happened/)
    },
    async close() {
      expect(await server.stop()).toBe(0)
      const { dataDir } = server
      const options = { dataDir, sealKeyFile: null, leaseMs: 5 * SECOND_MS, remoteVaults: [] }
      const { damage, registries, accounts } = await verify({ ...options, log: openLog('silent') })
      expect(damage).toEqual([])
      for (const { key, name } of [...registries, ...accounts]) expect(key, name).toBe('open')
    },
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}
