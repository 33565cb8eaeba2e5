import { describe, expect, it } from 'vitest'
import { type Bytes, collect } from '../../kernel/bytes.ts'
import { beginningOf } from './beginning.ts'

function bodyOf(chunks: readonly string[], onEnd: () => void = () => undefined): Bytes {
  async function* body() {
    try {
      for (const chunk of chunks) yield Buffer.from(chunk)
    } finally {
      onEnd()
    }
  }
  return body()
}

describe('beginningOf()', () => {
  it.each([
    [[], ''],
    [['', ''], ''],
    [['abcde'], 'abcde'],
    [['ab', '', 'cde'], 'abcde'],
  ])('reads a body of %j, which is no longer than 5, to its end', async (chunks, whole) => {
    expect(await beginningOf(bodyOf(chunks), 5)).toEqual({ whole: Buffer.from(whole) })
  })

  it.each([[['abcdef']], [['ab', 'cdef', 'ghi']], [['a', 'b', 'c', 'd', 'e', 'f']]])(
    'loses no byte of one that is longer: %j',
    async (chunks) => {
      const beginning = await beginningOf(bodyOf(chunks), 5)
      if (!('longer' in beginning)) throw new Error('it was taken for short')
      expect(String(await collect(beginning.longer))).toBe(chunks.join(''))
    },
  )

  it('passes on what goes wrong, early or late', async () => {
    async function* broken(chunks: readonly string[]) {
      yield* bodyOf(chunks)
      throw new Error('broken off')
    }
    await expect(beginningOf(broken(['ab']), 5)).rejects.toThrow('broken off')
    const beginning = await beginningOf(broken(['abcdef', 'g']), 5)
    if (!('longer' in beginning)) throw new Error('it was taken for short')
    await expect(collect(beginning.longer)).rejects.toThrow('broken off')
  })

  it('ends the body when who takes the longer one stops', async () => {
    let isEnded = false
    const beginning = await beginningOf(
      bodyOf(['abcdef', 'ghi'], () => (isEnded = true)),
      5,
    )
    if (!('longer' in beginning)) throw new Error('it was taken for short')
    for await (const _ of beginning.longer) break
    expect(isEnded).toBe(true)
  })
})
