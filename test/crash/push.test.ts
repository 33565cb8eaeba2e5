import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { randomImage } from '../support/random-image.ts'
import type { ImagePart } from '../tools/oci-layout.ts'
import { type Attempt, crashEverywhere } from './crash-points.ts'
import { type CrashSite, openCrashSite } from './crash-site.ts'

describe('a server killed while an image is pushed', () => {
  let site: CrashSite
  beforeAll(async () => {
    site = await openCrashSite()
  })
  afterAll(() => site[Symbol.asyncDispose]())

  it('keeps what it acknowledged, shows nothing half, and takes the push again', async () => {
    const acknowledged: (readonly [repository: string, digest: string])[] = []
    const killed = await crashEverywhere(site, (round) => pushAttempt(site, round, acknowledged), {
      maxPoints: 24,
    })
    expect(killed).toBeGreaterThan(10)
    for (const [repository, digest] of acknowledged) {
      expect(await site.registry.pull(repository, digest)).toBe(digest)
    }
    await site.close()
  })
})

function pushAttempt(
  { registry }: CrashSite,
  round: number,
  acknowledged: (readonly [repository: string, digest: string])[],
): Attempt {
  const repository = `pushed/${round}`
  const image = randomImage([700_000])
  const { manifest } = image
  const blobs = [...image.layers, image.config]
  const known: ImagePart[] = []
  let isTagged = false
  return {
    async run() {
      for (const blob of blobs) {
        await registry.pushBlob(repository, blob)
        known.push(blob)
      }
      await registry.putManifest(repository, 'v1', manifest)
      isTagged = true
      acknowledged.push([repository, manifest.digest])
    },
    async check() {
      for (const blob of blobs) {
        const { status } = await registry.send('HEAD', `/v2/${repository}/blobs/${blob.digest}`)
        expect(status === 200 || (status === 404 && !known.includes(blob)), `${status}`).toBe(true)
        if (status === 200) await registry.pullBlob(repository, blob.digest)
      }
      const path = `/v2/${repository}/manifests/v1`
      const { status } = await registry.send('GET', path)
      expect(status === 200 || (status === 404 && !isTagged), `${status}`).toBe(true)
      if (status === 200) expect(await registry.pull(repository, 'v1')).toBe(manifest.digest)
      const tags = await registry.send('GET', `/v2/${repository}/tags/list`)
      if (tags.status === 200) expect(tags.json()['tags']).toEqual(status === 200 ? ['v1'] : [])
      else expect(status).toBe(404)

      await registry.push(repository, 'v1', image)
      expect(await registry.pull(repository, 'v1')).toBe(manifest.digest)
      acknowledged.push([repository, manifest.digest])
    },
  }
}
