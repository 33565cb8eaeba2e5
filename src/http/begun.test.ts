import { expect, test } from 'vitest'
import { collect } from '../kernel/bytes.ts'
import { begun } from './begun.ts'
import type { Reply } from './operation.ts'
import { isStream } from './reply.ts'

/** A reply whose stream yields these texts, then throws what is given; and whether it was ended. */
function streamed(length: number, texts: readonly string[], thrown?: Error) {
  const ended: string[] = []
  const stream = (async function* () {
    try {
      for (const text of texts) yield Buffer.from(text)
      if (thrown !== undefined) throw thrown
    } finally {
      ended.push('ended')
    }
  })()
  const reply: Reply = { status: 200, body: { stream, length } }
  return { reply, ended }
}

test('a short stream of one chunk is at hand whole, and at its end', async () => {
  const { reply, ended } = streamed(5, ['short'])
  expect(await begun(reply)).toMatchObject({ body: { length: 5, whole: Buffer.from('short') } })
  expect(ended).toEqual(['ended'])
})

test.each([
  ['comes in two chunks', 8, ['in', ' parts']],
  ['ends with an empty chunk', 5, ['short', '']],
  ['goes beyond its end', 5, ['short', ' and more']],
  ['is not short', 100_000, ['x'.repeat(100_000)]],
])('a stream that %s stays one, from its first byte on', async (_how, length, texts) => {
  const { reply } = streamed(length, texts)
  const { body } = await begun(reply)
  if (!isStream(body)) throw new Error('it is no stream any more')
  expect([body.length, body.whole]).toEqual([length, undefined])
  expect((await collect(body.stream)).toString()).toBe(texts.join(''))
})

test.each([
  ['begin', []],
  ['end, though it is short', ['short']],
])('a stream that does not %s fails before anything is sent', async (_how, texts) => {
  const { reply, ended } = streamed(5, texts, new Error('the disk broke'))
  await expect(begun(reply)).rejects.toThrow('the disk broke')
  expect(ended).toEqual(['ended'])
})
