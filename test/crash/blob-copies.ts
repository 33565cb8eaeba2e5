import { randomBytes } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { expect } from 'vitest'
import { MIB } from '../../src/kernel/units.ts'
import { sha256 } from '../support/rest-registry.ts'
import { type RestBlobs, scopeUnder } from '../support/rest-blobs.ts'
import type { Attempt } from './crash-points.ts'
import type { CrashSite } from './crash-site.ts'

/** A blob whose copies are sealed anew, in the background, and tell once how far they are. */
interface CopiedSource {
  readonly url: string
  readonly digest: string
}

const LENGTH = 33 * MIB

export async function makeCopiedSource({ rest }: CrashSite, blobs: RestBlobs): Promise<CopiedSource> {
  await rest.armDone('PUT', `${blobs.path}/encryptionScopes/apart`, { properties: scopeUnder(null) })
  await blobs.done('PUT', '/copies?restype=container')
  const bytes = randomBytes(LENGTH)
  const headers = { 'x-ms-blob-type': 'BlockBlob', 'x-ms-encryption-scope': 'apart' }
  await blobs.done('PUT', '/copies/source', { body: bytes, headers })
  return { url: blobs.source('/copies/source'), digest: sha256(bytes) }
}

/** A copy in the background: once begun, it ends. */
export function copyAttempt(blobs: RestBlobs, source: CopiedSource, round: number): Attempt {
  const path = `/copies/copy${round}`
  let isBegun = false
  const state = async (): Promise<string | undefined> => {
    const { status, headers } = await blobs.send('HEAD', path)
    if (status === 404) return 'none'
    const copy = headers['x-ms-copy-status']
    // What is copied so far is not seen.
    if (copy === 'pending') expect(headers['content-length']).toBe('0')
    return String(copy)
  }
  const ended = async () => {
    while ((await state()) === 'pending') await setTimeout(20)
  }
  const begin = async () => {
    const { headers } = await blobs.done('PUT', path, { headers: { 'x-ms-copy-source': source.url } })
    expect(headers['x-ms-copy-status']).toBe('pending')
    isBegun = true
  }
  return {
    async run() {
      await begin()
      await ended()
    },
    async check() {
      if ((await state()) === 'none') {
        expect(isBegun).toBe(false)
        await begin()
      }
      await ended()
      expect(await state()).toBe('success')
      expect(await blobs.digest(path)).toBe(source.digest)
      await blobs.done('DELETE', path)
    },
  }
}
