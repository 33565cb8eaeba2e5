import fc from 'fast-check'
import { expect, it } from 'vitest'
import { visiblePage } from './visible-page.ts'

interface Row {
  readonly key: number
  readonly isVisible: boolean
}

it('visiblePage() walked to its end shows every visible row once, in order, in full pages', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.boolean(), { maxLength: 60 }),
      fc.integer({ min: 1, max: 9 }),
      async (flags, n) => {
        const rows = flags.map((isVisible, key): Row => ({ key, isVisible }))
        const seen: number[] = []
        let begin = -1
        for (;;) {
          const page = await visiblePage<number, Row>(
            n,
            async (after, limit) => rows.filter(({ key }) => key > (after?.key ?? begin)).slice(0, limit),
            ({ key, isVisible }) => (isVisible ? key : null),
          )
          seen.push(...page.items)
          if (page.end === null) break
          // A page that is not the last is full, and the one after it is not empty.
          expect(page.items).toHaveLength(n)
          expect(rows.some(({ key, isVisible }) => isVisible && key > page.end!.key)).toBe(true)
          begin = page.end.key
        }
        expect(seen).toEqual(rows.filter(({ isVisible }) => isVisible).map(({ key }) => key))
      },
    ),
  )
})

it('visiblePage() of size 0 is empty and has no next', async () => {
  const page = await visiblePage<number, Row>(
    0,
    async () => [{ key: 1, isVisible: true }],
    ({ key }) => key,
  )
  expect(page).toEqual({ items: [], end: null })
})
