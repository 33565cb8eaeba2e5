import { expect, it } from 'vitest'
import { LeaseTime } from './lease-time.ts'
import { SettableClock } from './testing/settable-clock.ts'

it('LeaseTime counts what both clocks count', () => {
  const clock = new SettableClock()
  const time = new LeaseTime(clock)
  clock.advance(1_500)
  expect(time.elapsedMs()).toBe(1_500)
})

it('LeaseTime counts a jump forward of the wall clock: the machine may have slept', () => {
  const clock = new SettableClock()
  const time = new LeaseTime(clock)
  clock.jump(60_000)
  expect(time.elapsedMs()).toBe(60_000)
})

it('LeaseTime gains nothing from a wall clock that is set back', () => {
  const clock = new SettableClock()
  const time = new LeaseTime(clock)
  clock.jump(-3_600_000)
  expect(time.elapsedMs()).toBe(0)
  clock.advance(4_000)
  expect(time.elapsedMs()).toBe(4_000)
})

it('LeaseTime counts sleep that comes after the wall clock was set back', () => {
  const clock = new SettableClock()
  const time = new LeaseTime(clock)
  clock.jump(-3_600_000)
  time.elapsedMs()
  clock.jump(3_600_000)
  expect(time.elapsedMs()).toBe(3_600_000)
})
