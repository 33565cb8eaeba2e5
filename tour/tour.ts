import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { MINUTE_MS } from '../src/kernel/units.ts'
import { openRest } from '../test/support/rest.ts'
import { startStrongroom } from '../test/support/strongroom.ts'
import { pushAndPull, revokeAndRestore, rotate, search, settle } from './chapters.ts'
import { expectThat, narrator } from './narrator.ts'
import { makeTourImage } from './tour-image.ts'

/*
 * The main job in a minute, on a throw-away server, over the public API: `npm run tour`. Exits 1 when anything is not as
 * it should be.
 */
async function tour(): Promise<void> {
  const startedAt = performance.now()
  const tell = narrator(process.stdout)
  tell.title('Strongroom: a registry under your key')
  await using opened = new AsyncDisposableStack()
  const scratch = await mkdtemp(join(tmpdir(), 'strongroom-tour-'))
  opened.defer(() => rm(scratch, { recursive: true, force: true }))
  const dataDir = join(scratch, 'data')
  const { server } = await tell.step('start', async () => {
    const started = opened.use(await startStrongroom({ dataDir }))
    return {
      seen: `a throw-away server on port ${started.port}, with a data folder of its own`,
      server: started,
    }
  })
  const rest = opened.use(await openRest(server))
  const image = makeTourImage()
  const stage = { tell, rest, image, dataDir, ...(await settle(tell, rest)) }
  await pushAndPull(stage)
  await rotate(stage)
  await revokeAndRestore(stage)
  await search(stage, scratch)
  await tell.step('stop', async () => {
    expectThat((await server.stop()) === 0, 'the server did not end cleanly')
    return { seen: 'the server ended cleanly; its folder is removed' }
  })
  tell.end(`All as it should be, in ${((performance.now() - startedAt) / 1000).toFixed(1)} s.`)
}

const overdue = setTimeout(() => {
  console.error('tour: not done within two minutes')
  process.exit(1)
}, 2 * MINUTE_MS)
try {
  await tour()
} catch (error) {
  console.error(`tour: ${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = 1
} finally {
  clearTimeout(overdue)
}
