import { setTimeout } from 'node:timers/promises'
import { expect, it } from 'vitest'
import { ExtentKey } from '../../crypto/extent-key.ts'
import { MacKey } from '../../crypto/mac-key.ts'
import { RememberingRecordKey } from '../../crypto/opened-records.ts'
import { RecordKey } from '../../crypto/record-key.ts'
import { RootKey } from '../../crypto/root-key.ts'
import { Grant, type OpenedKeys } from './grant.ts'
import { LeaseTime } from './lease-time.ts'
import { SettableClock } from './testing/settable-clock.ts'

const extent = { extentId: 'e', length: 1, resourceId: 'u', rootKeyId: 'k' }
const newKeys = (): OpenedKeys => ({
  rootKey: RootKey.generate(),
  recordKey: new RememberingRecordKey(RecordKey.generate(), 1),
  indexKey: MacKey.generate(),
})
const isDestroyed = ({ rootKey }: OpenedKeys) => {
  try {
    rootKey.wrapExtentKey(extent, ExtentKey.generate())
    return false
  } catch {
    return true
  }
}

it('Grant lends its keys until its time is over, and then destroys the root key', () => {
  const clock = new SettableClock()
  const keys = newKeys()
  const grant = new Grant(keys, 1, new LeaseTime(clock), 5_000)
  clock.advance(4_999)
  expect(grant.keys()).toBe(keys)
  clock.advance(1)
  expect(grant.keys()).toBeNull()
  expect(isDestroyed(keys)).toBe(true)
})

it('Grant destroys the root key when its time is over and nobody looks', async () => {
  const clock = new SettableClock()
  const keys = newKeys()
  new Grant(keys, 1, new LeaseTime(clock), 20)
  await setTimeout(50)
  expect(isDestroyed(keys)).toBe(false)
  clock.advance(20)
  await setTimeout(50)
  expect(isDestroyed(keys)).toBe(true)
})

it('Grant.end() destroys the root key at once, and again makes no difference', () => {
  const keys = newKeys()
  const grant = new Grant(keys, 1, new LeaseTime(new SettableClock()), 5_000)
  grant.end()
  grant.end()
  expect(grant.keys()).toBeNull()
  expect(isDestroyed(keys)).toBe(true)
})
