import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseContentRange, parseRange, uploadedRange } from './ranges.ts'

const unsatisfiable: unknown = expect.objectContaining({ code: 'range-not-satisfiable' })

describe('parseRange()', () => {
  it('gives what a plain reading of RFC 9110 gives, within the content', () => {
    const bound = fc.integer({ min: 0, max: 300 })
    fc.assert(
      fc.property(bound, bound, fc.integer({ min: 1, max: 200 }), (first, last, size) => {
        const bytes = Array.from({ length: size }, (_, at) => at)
        const wanted = bytes.filter((at) => at >= first && at <= last)
        const read = () => parseRange(`bytes=${first}-${last}`, size)
        if (wanted.length === 0) {
          expect(read).toThrow(unsatisfiable)
        } else {
          const range = read()
          expect(bytes.slice(range?.start, range?.end)).toEqual(wanted)
        }
      }),
    )
  })

  it.each([
    ['bytes=0-', 10, { start: 0, end: 10 }],
    ['bytes=9-', 10, { start: 9, end: 10 }],
    ['bytes=-3', 10, { start: 7, end: 10 }],
    ['bytes=-30', 10, { start: 0, end: 10 }],
    ['bytes=0-99999999999999999999999', 10, { start: 0, end: 10 }],
    // Azure's SDK resumes so.
    ['4-', 10, { start: 4, end: 10 }],
    ['Bytes = 1-2', 10, { start: 1, end: 3 }],
  ])('%s of %i', (header, size, range) => {
    expect(parseRange(header, size)).toEqual(range)
  })

  it.each(['bytes=10-', 'bytes=10-20', 'bytes=5-4', 'bytes=-0', 'bytes=99999999999999999999-'])(
    'refuses %s of 10',
    (header) => {
      expect(() => parseRange(header, 10)).toThrow(unsatisfiable)
    },
  )

  it.each(['bytes=0-', 'bytes=-1', 'bytes=0-0'])('refuses %s of nothing', (header) => {
    expect(() => parseRange(header, 0)).toThrow(unsatisfiable)
  })

  it.each([
    undefined,
    '',
    'bytes',
    'bytes=',
    'bytes=-',
    'bytes=a-b',
    'bytes=0-1,3-4',
    'lines=0-1',
    'bytes=1-2-3',
    'bytes=-1-',
  ])('ignores %s', (header) => {
    expect(parseRange(header, 10)).toBeNull()
  })
})

describe('parseContentRange()', () => {
  it.each(['0-9', 'bytes 0-9', 'bytes 0-9/*', 'bytes 0-9/100', 'bytes=0-9'])('reads %s', (header) => {
    expect(parseContentRange(header)).toEqual({ first: 0, last: 9 })
  })

  it.each(['', '0', '-9', '0-', 'bytes */10', 'a-b', '0-9-10', '0-9/', '99999999999999999-1'])(
    'refuses %s',
    (header) => {
      expect(() => parseContentRange(header)).toThrow(expect.objectContaining({ code: 'upload-invalid' }))
    },
  )
})

it('uploadedRange() parses as two numbers, also of an empty upload', () => {
  expect([0, 1, 2].map(uploadedRange)).toEqual(['0-0', '0-0', '0-1'])
})
