import { MINUTE_MS } from '../../src/kernel/units.ts'
import { BlobFault } from '../../src/services/blob/faults.ts'
import { KeyringFault } from '../../src/services/keyring/keyring.ts'
import type { Command } from './blob-model-commands.ts'
import { partSteps } from './blob-model-parts.ts'
import type { Run, Step } from './blob-model-step.ts'
import { wholeSteps } from './blob-model-steps.ts'

const steps = { ...wholeSteps, ...partSteps }

/** How a command ended; `skipped`: it had nothing to be done to. */
export type Outcome = 'done' | 'refused' | 'skipped'

/** @throws Error when the services do what the model does not */
export async function take(run: Run, command: Command): Promise<Outcome> {
  switch (command.do) {
    case 'restart':
      // A process that begins within the same millisecond as another one ends is none that there is.
      run.bench.world.clock.advance(1)
      await run.bench.restart()
      return 'done'
    case 'wait':
      run.bench.world.clock.advance(command.seconds * 1_000)
      return 'done'
    case 'key':
      setKey(run, command.isAway)
      return 'done'
    default: {
      const make = steps[command.do] as (run: Run, command: Command) => Step | null
      const step = make(run, command)
      return step === null ? 'skipped' : await judged(step)
    }
  }
}

async function judged({ refusals, call }: Step): Promise<Outcome> {
  let then: () => void
  try {
    then = await call()
  } catch (error) {
    if (!(error instanceof BlobFault || error instanceof KeyringFault)) throw error
    const code = String(error.code)
    if (refusals.includes(code)) return 'refused'
    throw new Error(`refused with ${code}, and not for [${refusals.join()}]`, { cause: error })
  }
  if (refusals.length > 0) throw new Error(`done in spite of ${refusals.join()}`)
  then()
  return 'done'
}

export function setKey({ bench, model }: Pick<Run, 'bench' | 'model'>, isAway: boolean): void {
  bench.setKeyEnabled(!isAway)
  // What was refused is remembered for a while.
  if (!isAway) bench.world.clock.advance(MINUTE_MS)
  model.isKeyAway = isAway
}
