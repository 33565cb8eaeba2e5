import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type RegistryBench,
  imageOf,
  never,
  openRegistryBench,
  pushBlob,
  pushImage,
  pushManifest,
} from '../../../test/support/registry-bench.ts'
import type { ListPosition } from './tags.ts'

let bench: RegistryBench
const tags = ['10', '9', 'A', 'Z', '_x', 'a', 'a.b', 'a-b', 'latest', 'z']
const images = tags.map((n) => imageOf([], { annotations: { n } }))
beforeAll(async () => {
  bench = await openRegistryBench()
  // Not in the order of their names.
  await pushBlob(bench, 'lists', images[0]!.config)
  for (const at of [3, 9, 0, 7, 1, 8, 2, 6, 4, 5]) {
    bench.world.clock.advance(1_000)
    await pushManifest(bench, 'lists', images[at]!, [tags[at]!])
  }
})
afterAll(async () => {
  await bench[Symbol.asyncDispose]()
})

const path = () => ({ registry: bench.registry, name: 'lists' })

async function walk<T>(
  list: (
    after: ListPosition | null,
  ) => Promise<{ readonly items: readonly T[]; readonly next: ListPosition | null }>,
): Promise<T[]> {
  const seen: T[] = []
  let after: ListPosition | null = null
  do {
    const page = await list(after)
    seen.push(...page.items)
    after = page.next
  } while (after !== null)
  return seen
}

describe('listTags()', () => {
  const list = (order: 'key' | 'oldest' | 'newest', limit: number) =>
    walk((after) => bench.content.listTags({ ...path(), order, after, limit, digest: null }, never))

  it.each([1, 3, 10, 50])('in pages of %i is in ASCII order', async (limit) => {
    expect((await list('key', limit)).map(({ name }) => name)).toEqual([...tags].sort())
  })

  it.each([1, 3, 50])('in pages of %i is in order of time, either way', async (limit) => {
    const byTime = [3, 9, 0, 7, 1, 8, 2, 6, 4, 5].map((at) => tags[at])
    expect((await list('oldest', limit)).map(({ name }) => name)).toEqual(byTime)
    expect((await list('newest', limit)).map(({ name }) => name)).toEqual(byTime.toReversed())
  })

  it('goes on where a row was, also when it is gone', async () => {
    const query = { ...path(), limit: 100, digest: null } as const
    const after = (key: string, at: number | null) => ({ key, at })
    const names = async (order: 'key' | 'newest', position: ListPosition) =>
      (await bench.content.listTags({ ...query, order, after: position }, never)).items.map(
        ({ name }) => name,
      )
    expect(await names('key', after('a-c', null))).toEqual(['a.b', 'latest', 'z'])
    const [newest] = (await bench.content.listTags({ ...query, order: 'newest', after: null }, never)).items
    expect(await names('newest', after('gone', newest!.updatedAt - 500))).toHaveLength(9)
    expect(await names('newest', after(newest!.name, null))).toHaveLength(9)
  })

  it('of one manifest are that one’s', async () => {
    const { digest } = images[2]!
    const found = await bench.content.listTags(
      { ...path(), order: 'key', after: null, limit: 9, digest },
      never,
    )
    expect(found.items).toMatchObject([{ name: tags[2], digest }])
  })
})

describe('listManifests()', () => {
  it.each(['key', 'oldest', 'newest'] as const)(
    'ordered by %s shows each once, whatever the pages',
    async (order) => {
      const whole = await walk((after) =>
        bench.content.listManifests({ ...path(), order, after, limit: 50 }, never),
      )
      expect(whole.map(({ digest }) => digest).sort()).toEqual(images.map(({ digest }) => digest).sort())
      for (const limit of [1, 3]) {
        const paged = await walk((after) =>
          bench.content.listManifests({ ...path(), order, after, limit }, never),
        )
        expect(paged).toEqual(whole)
      }
      const times = whole.map(({ updatedAt }) => updatedAt)
      if (order === 'oldest') expect(times).toEqual(times.toSorted((a, b) => a - b))
      if (order === 'newest') expect(times).toEqual(times.toSorted((a, b) => b - a))
    },
  )
})

describe('listRepositories()', () => {
  it('shows those that have a manifest, in ASCII order', async () => {
    const registry = await bench.addRegistry()
    const other = { ...bench, registry }
    for (const name of ['b', 'a/b', 'a', 'a-b', 'a.b']) await pushImage(other, name, images[0]!)
    await pushBlob(other, 'blobs-only', Buffer.from('x'), registry)
    const seen: string[] = []
    let after = ''
    for (;;) {
      const page = await bench.content.listRepositories({ registry, after, limit: 2 }, never)
      seen.push(...page.items)
      if (page.next === null) break
      after = page.next
    }
    expect(seen).toEqual(['a', 'a-b', 'a.b', 'a/b', 'b'])
  })
})
