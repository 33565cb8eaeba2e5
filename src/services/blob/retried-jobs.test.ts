import { afterEach, describe, expect, it, vi } from 'vitest'
import { HOUR_MS } from '../../kernel/units.ts'
import { type RetriedJobs, retriedJobs } from './retried-jobs.ts'

let jobs: RetriedJobs
const runs: string[] = []
afterEach(async () => {
  await jobs[Symbol.asyncDispose]()
  runs.length = 0
})

function begin(run: (id: string, signal: AbortSignal) => Promise<boolean>, waitMs = (_: number) => HOUR_MS) {
  jobs = retriedJobs({
    maxAtOnce: 2,
    waitMs,
    run(id, signal) {
      runs.push(id)
      return run(id, signal)
    },
  })
}

describe('retriedJobs()', () => {
  it('runs so many at a time', async () => {
    const ends = new Map<string, (ended: boolean) => void>()
    begin((id) => new Promise((resolve) => ends.set(id, resolve)))
    for (const id of ['a', 'b', 'c', 'a']) jobs.start(id)
    expect(runs).toEqual(['a', 'b'])
    ends.get('b')?.(true)
    await vi.waitFor(() => expect(runs).toEqual(['a', 'b', 'c']))
    ends.get('a')?.(true)
    ends.get('c')?.(true)
  })

  it('lets others run while one waits for its next try', async () => {
    begin((id) => Promise.resolve(id === 'last'))
    for (const id of ['a', 'b', 'c', 'd', 'last']) jobs.start(id)
    await vi.waitFor(() => expect(runs).toEqual(['a', 'b', 'c', 'd', 'last']))
  })

  it('tries again until it has ended, after as long as is said for so many tries', async () => {
    const waited: number[] = []
    begin(
      () => Promise.resolve(runs.length === 3),
      (tries) => {
        waited.push(tries)
        return 0
      },
    )
    jobs.start('a')
    await vi.waitFor(() => expect(runs).toHaveLength(3))
    expect(waited).toEqual([1, 2])
  })

  it('forgets one that is stopped while it waits: then it can be started anew', async () => {
    const waits = Promise.withResolvers<undefined>()
    begin(
      () => Promise.resolve(false),
      () => {
        waits.resolve(undefined)
        return HOUR_MS
      },
    )
    jobs.start('a')
    await waits.promise
    jobs.stop('a')
    await vi.waitFor(() => {
      jobs.start('a')
      expect(runs).toEqual(['a', 'a'])
    })
  })

  it('ends when it is disposed of, and waits for what runs', async () => {
    let isOver = false
    begin(async (_, signal) => {
      await new Promise((resolve) => signal.addEventListener('abort', resolve))
      isOver = true
      return false
    })
    jobs.start('a')
    await jobs[Symbol.asyncDispose]()
    expect(isOver).toBe(true)
    jobs.start('b')
    expect(runs).toEqual(['a'])
  })
})
