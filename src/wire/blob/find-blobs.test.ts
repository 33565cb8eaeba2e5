import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type BlobClientBench, listed, openBlobClient, refused } from '../../../test/support/blob-client.ts'
import { makeContainer } from '../../../test/support/blob-bench.ts'
import { HOUR_MS } from '../../kernel/units.ts'

let wire: BlobClientBench
beforeEach(async () => {
  wire = await openBlobClient()
})
afterEach(async () => {
  expect(wire.served.bugs).toEqual([])
  await wire[Symbol.asyncDispose]()
})

const put = async (name: string, tags: Record<string, string>, container = 'con') => {
  const blob = wire.service.getContainerClient(container).getBlockBlobClient(name)
  await blob.upload('', 0, { tags })
  return blob
}
const find = async (where: string) =>
  (await listed(wire.service.findBlobsByTags(where)))
    .map(({ containerName, name }) => `${containerName}/${name}`)
    .sort()
const findHere = async (where: string) =>
  (await listed(wire.container.findBlobsByTags(where))).map(({ name }) => name)
const indexRows = async () => {
  const { data } = wire.bench.process
  return (await data.read.selectFrom('blob_tags').select('name').execute()).length
}

describe('finding blobs by their tags', () => {
  it('goes through all containers, or one', async () => {
    await makeContainer(wire.bench, 'other')
    await put('a', { project: 'x', state: 'open' })
    await put('b', { project: 'x', state: 'closed' })
    await put('c', { project: 'y' })
    await put('a', { project: 'x' }, 'other')
    await wire.put('untagged', '')
    expect(await find(`"project" = 'x'`)).toEqual(['con/a', 'con/b', 'other/a'])
    expect(await find(`@container = 'other' AND "project" = 'x'`)).toEqual(['other/a'])
    expect(await find(`@container = 'none' AND "project" = 'x'`)).toEqual([])
    expect(await findHere(`project = 'x'`)).toEqual(['a', 'b'])
    expect(await findHere(`@container = 'other' AND "project" = 'x'`)).toEqual([])
    expect(await find(`"project" = 'x' AND "state" = 'open'`)).toEqual(['con/a'])
    expect(await find(`"project" >= 'x' AND "project" < 'z' AND "state" > 'closed'`)).toEqual(['con/a'])
    expect(await find(`"state" <= 'closed'`)).toEqual(['con/b'])
    expect(await find(`"project" = ''`)).toEqual([])
    expect(await find(`"Project" = 'x'`)).toEqual([])
  })

  it('tells the tags that were asked for', async () => {
    await put('a', { project: 'x', state: 'open', other: '1' })
    const [found] = await listed(wire.service.findBlobsByTags(`"project" = 'x' AND "state" > 'a'`))
    expect(found).toMatchObject({
      name: 'a',
      containerName: 'con',
      tags: { project: 'x', state: 'open' },
      tagValue: '',
    })
  })

  it('comes page by page, and leaves none out', async () => {
    for (let n = 0; n < 7; n++) await put(`b${n}`, { t: n % 2 === 0 ? 'even' : 'odd' })
    for (const maxPageSize of [1, 2, 3, 100]) {
      const pages = await listed(
        wire.container.findBlobsByTags(`t >= 'a' AND t < 'f'`).byPage({ maxPageSize }),
      )
      expect(pages.flatMap(({ blobs }) => blobs.map(({ name }) => name))).toEqual(['b0', 'b2', 'b4', 'b6'])
      for (const { blobs } of pages) expect(blobs.length).toBeLessThanOrEqual(maxPageSize)
    }
  })

  it('sees each change at once: of tags, of blobs, of containers', async () => {
    const a = await put('a', { t: '1' })
    await a.setTags({ t: '2' })
    expect(await find(`t = '1'`)).toEqual([])
    expect(await find(`t = '2'`)).toEqual(['con/a'])
    await put('a', { t: '3' })
    expect(await find(`t > ''`)).toEqual(['con/a'])
    await a.upload('', 0)
    expect(await find(`t > ''`)).toEqual([])
    await put('a', { t: '1' })
    await a.delete()
    expect(await find(`t = '1'`)).toEqual([])
    expect(await indexRows()).toBe(0)
    await put('a', { t: '1' })
    await wire.container.delete()
    expect(await find(`t = '1'`)).toEqual([])
    wire.bench.world.clock.advance(2 * HOUR_MS)
    await wire.bench.blobs.sweep()
    expect(await indexRows()).toBe(0)
  })

  it('finds neither snapshots, versions nor what is deleted, but what came back', async () => {
    wire.setSettings({ deleteRetentionDays: 7 })
    const a = await put('a', { t: '1' })
    await a.createSnapshot()
    expect(await find(`t = '1'`)).toEqual(['con/a'])
    await a.delete({ deleteSnapshots: 'include' })
    expect(await find(`t = '1'`)).toEqual([])
    await a.undelete()
    expect(await find(`t = '1'`)).toEqual(['con/a'])
    wire.setSettings({ isVersioningEnabled: true })
    await a.upload('', 0)
    expect(await find(`t = '1'`)).toEqual([])
    expect(await indexRows()).toBe(0)
  })

  it.each([
    '',
    'a',
    `"a" = x`,
    `a = 'x' OR b = 'y'`,
    `a <> 'x'`,
    `@container = 'con'`,
    `@container > 'con' AND a = 'x'`,
    `@blob = 'x' AND a = 'x'`,
    `a > '1' AND a >= '2'`,
    `a = 'x' AND`,
  ])('refuses %j', async (where) => {
    await expect(find(where)).rejects.toMatchObject(refused(400, 'InvalidQueryParameterValue'))
  })

  it('goes on while the key is away, and no index tells a tag to whoever reads the records', async () => {
    await put('a', { secretname: 'secretvalue' })
    wire.bench.setKeyEnabled(false)
    expect(await find(`secretname = 'secretvalue'`)).toEqual(['con/a'])
    await wire.container.getBlobClient('a').setTags({ secretname: 'other' })
    expect(await find(`secretname = 'other'`)).toEqual(['con/a'])
    const rows = await wire.bench.process.data.read.selectFrom('blob_tags').selectAll().execute()
    expect(rows).toHaveLength(2)
    for (const { tag_index } of rows)
      expect(Buffer.from(tag_index).toString('latin1')).not.toContain('secret')
  })

  it('is for those who may', async () => {
    await using other = await openBlobClient(({ sas }) => !sas.some((letter) => letter === 'f'))
    await expect(listed(other.service.findBlobsByTags(`a = 'x'`))).rejects.toMatchObject({ statusCode: 403 })
    await expect(listed(other.container.findBlobsByTags(`a = 'x'`))).rejects.toMatchObject({
      statusCode: 403,
    })
  })
})
