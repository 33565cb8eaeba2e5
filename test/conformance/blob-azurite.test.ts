import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startAzurite } from '../support/azurite.ts'
import { type Comparison, compare } from '../support/blob-differential.ts'
import { differentialCommands, tableCommands } from '../support/blob-differential-commands.ts'
import { openSide } from '../support/blob-differential-side.ts'
import { freePort } from '../support/free-port.ts'
import { startStrongroom } from '../support/strongroom.ts'
import { divergences } from './azurite-divergences.ts'

/** The same sequences each time; AZURITE_SEED tries others, AZURITE_RUNS more. */
const SEED = Number(process.env['AZURITE_SEED'] ?? 20_261_124)
const RUNS = Number(process.env['AZURITE_RUNS'] ?? 40)
/** Only what is the same each time can say that a divergence is none any more. */
const isFixed = process.env['AZURITE_SEED'] === undefined && process.env['AZURITE_RUNS'] === undefined
const TIMEOUT_MS = 180_000 + RUNS * 3_000

const opened = new AsyncDisposableStack()
let comparison: Comparison

beforeAll(async () => {
  const ports = [await freePort(), await freePort(), await freePort()] as const
  const [server, azurite] = await Promise.all([
    startStrongroom({ args: ['--azurite', ports.join(), '--durability', 'relaxed'] }),
    startAzurite({ isInMemory: true }),
  ])
  opened.use(server)
  opened.use(azurite)
  const [ours, theirs] = [opened.use(openSide(ports[0])), opened.use(openSide(azurite.port))]
  comparison = compare({ ours, theirs }, divergences)
})
afterAll(() => opened.disposeAsync())

it(
  'answers as Azurite does, but where Azurite is not as Azure',
  async () => {
    const runs = fc.sample(differentialCommands, { seed: SEED, numRuns: RUNS })
    await comparison.run('table', tableCommands)
    for (const [index, commands] of runs.entries()) await comparison.run(`run${index}`, commands)
    console.log(
      `${comparison.requests()} requests to both, seed ${SEED}, ${RUNS} runs: AZURITE_SEED and AZURITE_RUNS change them`,
    )
    expect(comparison.unexplained).toEqual([])
    expect(isFixed ? comparison.unused() : []).toEqual([])
  },
  TIMEOUT_MS,
)
