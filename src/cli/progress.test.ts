import { PassThrough } from 'node:stream'
import { expect, it } from 'vitest'
import { progressLine, sizeText } from './progress.ts'

const written = (stream: PassThrough): string => String(stream.read() ?? '')

it('progressLine() writes over one line of a terminal, no wider than that, and takes it away', () => {
  const terminal = Object.assign(new PassThrough(), { isTTY: true, columns: 12 })
  const line = progressLine(terminal)
  line.show('copying extents: 1 of 9')
  expect(written(terminal)).toBe('\rcopying ext')
  // Too soon after the last one to be read.
  line.show('copying extents: 2 of 9')
  expect(written(terminal)).toBe('')
  line.clear()
  expect(written(terminal)).toBe(`\r${' '.repeat(11)}\r`)
  line.clear()
  expect(written(terminal)).toBe('')
})

it('progressLine() says nothing to a file', () => {
  const file = new PassThrough()
  const line = progressLine(file)
  line.show('copying')
  line.clear()
  expect(written(file)).toBe('')
})

it('sizeText() rounds to what a person reads', () => {
  expect([0, 1, 1023, 1024, 3.4 * 1024 ** 3, 5000 * 1024 ** 4].map(sizeText)).toEqual([
    '0 B',
    '1 B',
    '1023 B',
    '1.0 KiB',
    '3.4 GiB',
    '5000.0 TiB',
  ])
})
