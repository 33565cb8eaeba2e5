import { describe, expect, it } from 'vitest'
import { Known } from './known.ts'

const held = () => Promise.withResolvers<undefined>()

describe('Known', () => {
  it('is certain of a change that ran alone', async () => {
    const known = new Known('a')
    await known.change('b', async () => undefined)
    expect((await known.observe(async () => 0)).possible).toEqual(new Set(['b']))
  })

  it('allows for old and new while a change runs, and for all that came while one looked', async () => {
    const known = new Known('a')
    const [change, look] = [held(), held()]
    const changing = known.change('b', () => change.promise)
    const looking = known.observe(() => look.promise)
    expect((await known.observe(async () => 0)).possible).toEqual(new Set(['a', 'b']))
    change.resolve(undefined)
    await changing
    await known.change('c', async () => undefined)
    await known.change('d', async () => undefined)
    look.resolve(undefined)
    expect((await looking).possible).toEqual(new Set(['a', 'b', 'c', 'd']))
    expect((await known.observe(async () => 0)).possible).toEqual(new Set(['d']))
  })

  it('does not guess which of two that overlapped came last', async () => {
    const known = new Known('a')
    const [one, two] = [held(), held()]
    const changing = [known.change('b', () => one.promise), known.change('c', () => two.promise)]
    two.resolve(undefined)
    one.resolve(undefined)
    await Promise.all(changing)
    expect((await known.observe(async () => 0)).possible).toEqual(new Set(['a', 'b', 'c']))
    await known.change('d', async () => undefined)
    expect((await known.observe(async () => 0)).possible).toEqual(new Set(['d']))
  })
})
