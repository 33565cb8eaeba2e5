import { setTimeout } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sharedSync } from './shared-sync.ts'

/** A sync whose ends the test decides. */
function manual() {
  const begun: PromiseWithResolvers<undefined>[] = []
  const request = sharedSync(async () => {
    const sync = Promise.withResolvers<undefined>()
    begun.push(sync)
    await sync.promise
  })
  return { begun, request }
}

describe('sharedSync()', () => {
  it('serves all that ask while one runs with a single further one', async () => {
    const { begun, request } = manual()
    const settled: string[] = []
    const ask = (name: string): Promise<unknown> => request().then(() => settled.push(name))
    const asked = ['a', 'b', 'c', 'd'].map(ask)
    expect(begun).toHaveLength(1)
    begun[0]!.resolve(undefined)
    await setTimeout(1)
    expect(settled).toEqual(['a'])
    expect(begun).toHaveLength(2)
    const late = ask('e')
    begun[1]!.resolve(undefined)
    await setTimeout(1)
    expect(settled).toEqual(['a', 'b', 'c', 'd'])
    expect(begun).toHaveLength(3)
    begun[2]!.resolve(undefined)
    await Promise.all([...asked, late])
    expect(begun).toHaveLength(3)
  })

  it('begins at once when none runs', async () => {
    const { begun, request } = manual()
    for (let index = 0; index < 3; index++) {
      const done = request()
      expect(begun).toHaveLength(index + 1)
      begun[index]!.resolve(undefined)
      await done
    }
  })

  it('rejects those that shared a failed sync, and nobody else', async () => {
    const { begun, request } = manual()
    const results = Promise.allSettled([request(), request(), request()])
    begun[0]!.reject(new Error('first'))
    await setTimeout(1)
    begun[1]!.resolve(undefined)
    expect((await results).map(({ status }) => status)).toEqual(['rejected', 'fulfilled', 'fulfilled'])
    const second = Promise.allSettled([request(), request(), request()])
    begun[2]!.resolve(undefined)
    await setTimeout(1)
    begun[3]!.reject(new Error('second'))
    expect((await second).map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'rejected'])
    const third = request()
    begun[4]!.resolve(undefined)
    await third
  })

  it('never lets a sync serve what was done after it began, and never runs two at once', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.nat(4), fc.nat(4)), { maxLength: 40 }), async (steps) => {
        let done = 0
        let durable = 0
        let running = 0
        const request = sharedSync(async () => {
          running += 1
          expect(running).toBe(1)
          const covered = done
          for (let turn = 0; turn < 3; turn++) await Promise.resolve()
          durable = Math.max(durable, covered)
          running -= 1
        })
        const lanes = steps.map(async ([before, between]) => {
          for (let turn = 0; turn < before * 2; turn++) await Promise.resolve()
          done += 1
          const mine = done
          for (let turn = 0; turn < between; turn++) await Promise.resolve()
          await request()
          expect(durable).toBeGreaterThanOrEqual(mine)
        })
        await Promise.all(lanes)
      }),
    )
  })
})
