import { describe, expect, it } from 'vitest'
import { type StepResult, runSteps } from './schedule.ts'

const step = (key: string, waitsFor: readonly string[] = [], rank = 1) => ({
  key,
  waitsFor: new Set(waitsFor),
  rank,
})
const problem = { status: 400, code: 'NotYet', message: '' }
const done: StepResult = { isDone: true }
const failed: StepResult = { isDone: false, problem }
const quiet = () => new AbortController().signal
const later = () => new Promise<void>((resolve) => setTimeout(resolve, 2))

describe('runSteps()', () => {
  it('tries a failed step again once another was done after it had begun', async () => {
    let isOpen = false
    const log: string[] = []
    const left = await runSteps(
      [step('registry'), step('policy')],
      async ({ key }) => {
        log.push(key)
        await later()
        if (key === 'registry') return isOpen ? done : failed
        isOpen = true
        return done
      },
      quiet(),
    )
    expect(log).toEqual(['registry', 'policy', 'registry'])
    expect(left.size).toBe(0)
  })
  it('does not try again what nothing has changed for', async () => {
    const log: string[] = []
    const left = await runSteps(
      [step('a'), step('b', ['a'])],
      async ({ key }) => {
        log.push(key)
        return key === 'b' ? failed : done
      },
      quiet(),
    )
    expect(log).toEqual(['a', 'b'])
    expect([...left]).toEqual([['b', problem]])
  })
  it('ends steps of a smaller rank before it begins others that are ready', async () => {
    const log: string[] = []
    await runSteps(
      [step('registry'), step('policy', [], 0), step('other', ['policy'], 0)],
      async ({ key }) => {
        log.push(`begin ${key}`)
        await later()
        log.push(`end ${key}`)
        return done
      },
      quiet(),
    )
    expect(log.filter((line) => line.startsWith('begin'))).toEqual([
      'begin policy',
      'begin other',
      'begin registry',
    ])
    expect(log.indexOf('end policy')).toBeLessThan(log.indexOf('begin registry'))
  })
  it('runs many at once, but no more than eight', async () => {
    let running = 0
    let most = 0
    await runSteps(
      Array.from({ length: 30 }, (_, index) => step(`s${index}`)),
      async () => {
        most = Math.max(most, (running += 1))
        await later()
        running -= 1
        return done
      },
      quiet(),
    )
    expect(most).toBe(8)
  })
  it('begins nothing more once it is told to stop', async () => {
    const abort = new AbortController()
    const log: string[] = []
    await runSteps(
      [step('a'), step('b', ['a'])],
      async ({ key }) => {
        log.push(key)
        abort.abort()
        return done
      },
      abort.signal,
    )
    expect(log).toEqual(['a'])
  })
})
