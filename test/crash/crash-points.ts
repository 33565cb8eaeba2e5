import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import { type Step, durableCalls, noteSteps, trap, writingCalls } from '../support/strace.ts'
import type { CrashSite } from './crash-site.ts'

/** One attempt at something, and what must hold of it after a crash at any moment. */
export interface Attempt {
  /** Notes what was acknowledged as it goes. */
  run(): Promise<void>
  /** With the server up again: what was acknowledged is there, what was not is whole or absent. */
  check(): Promise<void>
}

export interface CrashOptions {
  /** Points to try at most; the steps are thinned out evenly when there are more. STRONGROOM_CRASH=all tries them all. */
  readonly maxPoints: number
}

/**
 * Runs attempts, each killed with SIGKILL as it enters another durable step, and each time starts the server again and
 * checks. The steps are those that one undisturbed attempt took.
 *
 * @returns how many attempts were killed on their way
 */
export async function crashEverywhere(
  site: CrashSite,
  begin: (round: number) => Attempt | Promise<Attempt>,
  { maxPoints }: CrashOptions,
): Promise<number> {
  const points = crashPoints(await stepsOf(site, await begin(0)), { maxPoints })
  let killed = 0
  for (const [index, point] of points.entries()) {
    const attempt = await begin(index + 1)
    if (await crashAt(site, attempt, point)) killed++
    try {
      await attempt.check()
      await site.check()
    } catch (cause) {
      throw new Error(`after a crash before ${point.call} ${point.nth} of the ${point.thread} thread`, {
        cause,
      })
    }
  }
  return killed
}

async function stepsOf(site: CrashSite, attempt: Attempt): Promise<readonly Step[]> {
  const notes = await noteSteps(await pidOf(site), [...durableCalls, ...writingCalls])
  await attempt.run()
  const steps = await notes.stop()
  await site.restart()
  await attempt.check()
  expect(steps.length).toBeGreaterThan(0)
  return steps
}

/** @returns whether it was killed before it was through */
async function crashAt(site: CrashSite, attempt: Attempt, point: Step): Promise<boolean> {
  const armed = await trap(await pidOf(site), point, site.signal)
  const outcome = attempt.run().then(
    () => null,
    (error: unknown) => error,
  )
  const isThrough = await Promise.race([
    outcome.then((error) => error === null),
    armed.sprung.then(() => false),
  ])
  // Through without a kill, or killed by what follows an answer: the restart is a kill after the last step.
  if (isThrough && !armed.isSprung()) await armed.disarm()
  if (!isThrough) await armed.sprung
  const restarted = site.restart()
  const failure = await outcome
  await restarted
  if (failure === null) return false
  if (!isConnectionLoss(failure)) throw new Error('the attempt failed', { cause: failure })
  expect(armed.isSprung(), 'the server ended by itself').toBe(true)
  return true
}

async function pidOf({ server }: CrashSite): Promise<number> {
  return Number(await readFile(join(server.dataDir, 'lock.pid'), 'utf8'))
}

/** Only the network's errors: an answer that was not expected is a finding. */
function isConnectionLoss(error: unknown): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    ['ECONNRESET', 'ECONNREFUSED', 'EPIPE'].includes(String(error.code))
  )
}

export function crashPoints(steps: readonly Step[], { maxPoints }: CrashOptions): readonly Step[] {
  return process.env['STRONGROOM_CRASH'] === 'all' ? steps : thinned(steps, maxPoints)
}

/** Every durable step before any write of a page; then evenly, first and last included. */
function thinned(steps: readonly Step[], max: number): readonly Step[] {
  const durable = steps.filter(({ call }) => durableCalls.some((name) => name === call))
  if (durable.length >= max) return evenly(durable, max)
  return [
    ...durable,
    ...evenly(
      steps.filter((step) => !durable.includes(step)),
      max - durable.length,
    ),
  ]
}

function evenly<T>(items: readonly T[], count: number): readonly T[] {
  if (items.length <= count) return items
  return Array.from(
    { length: count },
    (_, at) => items[Math.floor((at * (items.length - 1)) / (count - 1 || 1))]!,
  )
}
