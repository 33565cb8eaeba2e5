import { setTimeout } from 'node:timers/promises'
import { expect } from 'vitest'
import { newKeyVersion } from '../support/estate.ts'
import { accountUnder, scopeUnder } from '../support/rest-blobs.ts'
import { type BlobWorker, blockBlob, someBytes } from './blob-workers.ts'
import { count } from './run-workers.ts'

/** Names below a prefix that this worker alone puts and deletes: a listing has just these, however many pages it takes. */
export function listed(box: string, prefix: string): BlobWorker {
  const there = new Set<string>()
  return async (arena, turn) => {
    const { blobs } = arena
    const name = `${prefix}${String(turn).padStart(6, '0')}`
    const tags = { 'x-ms-tags': `list=${prefix}` }
    await blobs.done('PUT', `${box}/${name}`, { body: someBytes(), headers: { ...blockBlob, ...tags } })
    there.add(name)
    if (there.size > 9) {
      const [gone = ''] = there
      there.delete(gone)
      await blobs.done('DELETE', `${box}/${gone}`)
      count(arena, 'delete')
    }
    const names: string[] = []
    for (let marker: string | undefined = ''; marker !== undefined;) {
      const page = `${box}?restype=container&comp=list&prefix=${prefix}&maxresults=4&marker=${marker}`
      const { text } = await blobs.done('GET', page)
      names.push(...namesIn(text))
      marker = /<NextMarker>([^<]+)/.exec(text)?.[1]
    }
    expect(names).toEqual([...there])
    const where = encodeURIComponent(`"list"='${prefix}'`)
    expect(namesIn((await blobs.done('GET', `/?comp=blobs&where=${where}`)).text)).toEqual([...there])
    count(arena, 'list')
  }
}

export function namesIn(xml: string): readonly string[] {
  return [...xml.matchAll(/<Name>([^<]+)<\/Name>/g)].map(([, name = '']) => name)
}

/** A whole container that comes and goes. */
export function wholeContainer(name: string): BlobWorker {
  return async (arena, turn) => {
    const { blobs } = arena
    const box = `/${name}${turn}`
    await blobs.done('PUT', `${box}?restype=container`)
    const paths = [1, 2, 3].map((at) => `${box}/blob${at}`)
    await Promise.all(paths.map((path) => blobs.done('PUT', path, { body: someBytes(), headers: blockBlob })))
    await blobs.done('DELETE', `${box}?restype=container`)
    for (const path of paths) expect(await blobs.digest(path)).toBe(null)
    count(arena, 'delete of a container')
  }
}

/**
 * The account under a new version of the customer's key, under the next, under the service's, and over again; and its scope likewise. What a key was
 * for is taken away as soon as the account is said to be under another.
 */
export function keySwitches(): BlobWorker {
  let old: string | null = null
  return async (arena, turn) => {
    const { rest, estate, blobs } = arena
    const keyId = turn % 3 === 2 ? null : await newKeyVersion(rest, estate.vault, 'switched')
    await rest.armDone('PATCH', blobs.path, { properties: accountUnder(estate, keyId) })
    await rest.armDone('PATCH', `${blobs.path}/encryptionScopes/apart`, { properties: scopeUnder(keyId) })
    if (old !== null) {
      const attributes = { enabled: false }
      await rest.vaultDone(estate.vault, 'PATCH', new URL(old).pathname, { attributes })
    }
    const what = keyId === null ? 'key disabled' : old === null ? 'key enabled' : 'key rotated'
    count(arena, what)
    old = keyId
    await setTimeout(50)
  }
}
