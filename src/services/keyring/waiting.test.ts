import { setTimeout } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { Outage } from '../../kernel/fault.ts'
import { Limiter, Serial, withDeadline } from './waiting.ts'

const never = new AbortController().signal

it('withDeadline() gives up on work that ignores its signal', async () => {
  await expect(withDeadline(10, never, () => new Promise(() => undefined))).rejects.toBeInstanceOf(Outage)
})

it("withDeadline() throws the caller's own reason when the caller gave up", async () => {
  const gone = new Error('client went away')
  await expect(withDeadline(1_000, AbortSignal.abort(gone), () => new Promise(() => undefined))).rejects.toBe(
    gone,
  )
})

it('withDeadline() leaves other errors as they are', async () => {
  const error = new Error('broken')
  await expect(withDeadline(1_000, never, () => Promise.reject(error))).rejects.toBe(error)
})

it('Limiter lets no more than its number run, and everyone in the end', async () => {
  const limiter = new Limiter(3)
  let running = 0
  let most = 0
  const works = Array.from({ length: 20 }, () =>
    limiter.run(never, async () => {
      most = Math.max(most, ++running)
      await setTimeout(1)
      running--
    }),
  )
  await Promise.all(works)
  expect(most).toBe(3)
})

it('Limiter loses no place to those who give up waiting or fail', async () => {
  const limiter = new Limiter(1)
  const gate = Promise.withResolvers<undefined>()
  const first = limiter.run(never, () => gate.promise)
  const impatient = new AbortController()
  const second = limiter.run(impatient.signal, async () => undefined)
  const third = limiter.run(never, () => Promise.reject(new Error('failed')))
  const fourth = limiter.run(never, async () => 'done')
  impatient.abort(new Error('gave up'))
  await expect(second).rejects.toThrow('gave up')
  gate.resolve(undefined)
  await first
  await expect(third).rejects.toThrow('failed')
  expect(await fourth).toBe('done')
  expect(await limiter.run(never, async () => 'free again')).toBe('free again')
})

it('Serial runs works of one name in order, also after a failure, and others at the same time', async () => {
  const serial = new Serial()
  const seen: string[] = []
  const slow = serial.run('a', async () => {
    await setTimeout(10)
    seen.push('a1')
    throw new Error('failed')
  })
  const after = serial.run('a', async () => void seen.push('a2'))
  await serial.run('b', async () => void seen.push('b1'))
  await expect(slow).rejects.toThrow('failed')
  await after
  expect(seen).toEqual(['b1', 'a1', 'a2'])
})
