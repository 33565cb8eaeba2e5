import { describe, expect, it } from 'vitest'
import { assertReadable, assertReplaceable, assertWritable, noConditions } from './conditions.ts'
import { BlobFault } from './faults.ts'

const there = { etag: '0x2', modifiedAt: Date.parse('2026-11-24T12:00:00.700Z') }
const before = Date.parse('2026-11-24T11:00:00Z')
const same = Date.parse('2026-11-24T12:00:00Z')

type Given = Partial<typeof noConditions>
type Judge = typeof assertWritable | typeof assertReadable

function told(judge: Judge, given: Given, now: typeof there | null = there): string | null {
  try {
    judge({ ...noConditions, ...given }, now as typeof there)
    return null
  } catch (error) {
    return error instanceof BlobFault ? String(error.code) : 'a bug'
  }
}

describe('conditions of a read', () => {
  it.each<[Given, string | null]>([
    [{ ifMatch: ['0x1', '0x2'] }, null],
    [{ ifMatch: ['0x1'] }, 'condition-not-met'],
    [{ ifNoneMatch: ['0x1', '0x2'] }, 'not-modified'],
    [{ ifNoneMatch: ['*'] }, 'condition-unsatisfiable'],
    [{ ifUnmodifiedSince: before }, 'condition-not-met'],
    [{ ifUnmodifiedSince: same }, null],
    [{ ifModifiedSince: same }, 'not-modified'],
    [{ ifMatch: ['0x2'], ifModifiedSince: same }, 'not-modified'],
    [{ ifMatch: ['0x2'], ifUnmodifiedSince: before }, 'condition-not-met'],
  ])('%o: %s', (given, code) => expect(told(assertReadable, given)).toBe(code))

  it('are met by another entity tag or a later date, whichever it is', () => {
    expect(told(assertReadable, { ifNoneMatch: ['0x2'], ifModifiedSince: before })).toBe(null)
    expect(told(assertReadable, { ifNoneMatch: ['0x1'], ifModifiedSince: same })).toBe(null)
    expect(told(assertReadable, { ifNoneMatch: ['0x2'], ifModifiedSince: same })).toBe('not-modified')
  })
})

describe('conditions of a write', () => {
  it.each<[Given, string | null]>([
    [{ ifMatch: ['0x1'] }, 'condition-not-met'],
    [{ ifMatch: ['*'] }, null],
    [{ ifNoneMatch: ['0x2'] }, 'condition-not-met'],
    [{ ifNoneMatch: ['*'] }, 'condition-not-met'],
    [{ ifModifiedSince: same }, 'condition-not-met'],
    [{ ifModifiedSince: before }, null],
    [{ ifUnmodifiedSince: before }, 'condition-not-met'],
    [{ ifUnmodifiedSince: same }, null],
  ])('%o: %s', (given, code) => expect(told(assertWritable, given)).toBe(code))

  it('of a tag and the date that goes with it are those of the tag', () => {
    expect(told(assertWritable, { ifMatch: ['0x2'], ifUnmodifiedSince: before })).toBe(null)
    expect(told(assertWritable, { ifNoneMatch: ['0x1'], ifModifiedSince: same })).toBe(null)
  })

  it.each<Given>([
    { ifMatch: ['0x2'], ifModifiedSince: before },
    { ifMatch: ['0x2'], ifNoneMatch: ['0x1'] },
    { ifModifiedSince: before, ifUnmodifiedSince: same },
    { ifMatch: ['0x1', '0x2'] },
    { ifNoneMatch: ['0x1', '0x3'] },
  ])('are not taken as %o', (given) => {
    expect(told(assertWritable, given)).toBe('conditions-conflicting')
  })

  it('on what is not there ask for it only with a tag', () => {
    expect(told(assertWritable, { ifMatch: ['*'] }, null)).toBe('condition-not-met')
    expect(told(assertWritable, { ifUnmodifiedSince: before }, null)).toBe(null)
    expect(told(assertReplaceable, { ifNoneMatch: ['*'] }, null)).toBe(null)
  })

  it('that nothing be there are told of what is there in its own way where a blob is made', () => {
    expect(told(assertReplaceable, { ifNoneMatch: ['*'] })).toBe('blob-already-exists')
  })
})
