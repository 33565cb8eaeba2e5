import { setTimeout } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { encryptionWith, newKeyVersion } from '../support/estate.ts'
import { randomImage } from '../support/random-image.ts'
import { type CrashSite, openCrashSite } from './crash-site.ts'
import { untilKilled } from './until-killed.ts'

const ROUNDS = 8
const WORKERS = 5

/** An image that was pushed; what is known of it, as far as the server told. */
interface Image {
  readonly repository: string
  readonly tag: string
  readonly digest: string
  state: 'pushed' | 'deleting' | 'deleted'
}

/** The traced tests have one thing under way; here commits are shared, and files and pages of many come between. */
describe('a busy server killed at any time', () => {
  let site: CrashSite
  beforeAll(async () => {
    site = await openCrashSite()
  })
  afterAll(() => site[Symbol.asyncDispose]())

  it('has lost nothing that it acknowledged', async () => {
    const images: Image[] = []
    for (let round = 0; round < ROUNDS; round++) {
      const killed = new AbortController()
      const first = images.length
      const workers = Array.from({ length: WORKERS }, (_, at) =>
        untilKilled(site, killed.signal, (turn) => push(site, `busy/${at}`, `${round}-${turn}`, images)),
      )
      workers.push(untilKilled(site, killed.signal, () => deleteOne(site, images)))
      workers.push(untilKilled(site, killed.signal, () => rotate(site)))
      // However slow the machine, there is something to lose by then.
      while (images.length < first + 2) await setTimeout(5)
      await setTimeout(Math.random() * 700)
      await site.server.stop('SIGKILL')
      killed.abort()
      await Promise.all(workers)
      await site.restart()
      await site.check()
      for (const image of images.slice(first)) await check(site, image)
    }
    expect(images.length).toBeGreaterThan(ROUNDS)
    expect(images.some(({ state }) => state === 'deleted')).toBe(true)
    for (const image of images) await check(site, image)
    await site.close()
  })
})

async function push(
  { registry }: CrashSite,
  repository: string,
  tag: string,
  images: Image[],
): Promise<void> {
  const image = randomImage([40_000, 20])
  await registry.push(repository, tag, image)
  images.push({ repository, tag, digest: image.manifest.digest, state: 'pushed' })
}

/** Every third image goes again. */
async function deleteOne({ registry }: CrashSite, images: readonly Image[]): Promise<void> {
  const found = images.find(({ state }, index) => index % 3 === 0 && state === 'pushed')
  if (found === undefined) return setTimeout(5)
  found.state = 'deleting'
  const { status } = await registry.send('DELETE', `/v2/${found.repository}/manifests/${found.digest}`)
  expect(status).toBe(202)
  found.state = 'deleted'
}

async function rotate({ rest, estate }: CrashSite): Promise<void> {
  const keyId = await newKeyVersion(rest, estate.vault, estate.keyName)
  const properties = encryptionWith({ keyId, identity: estate.identity })
  await rest.armDone('PATCH', estate.registryPath, { properties })
}

async function check({ registry }: CrashSite, { repository, tag, digest, state }: Image): Promise<void> {
  const { status } = await registry.send('GET', `/v2/${repository}/manifests/${tag}`)
  const wanted = { pushed: [200], deleting: [200, 404], deleted: [404] }[state]
  expect(wanted, `${repository}:${tag}, ${state}`).toContain(status)
  if (status === 200) expect(await registry.pull(repository, tag)).toBe(digest)
}
