import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type BlobBench,
  makeContainer,
  openBlobBench,
  serveBlobs,
  serveWebsite,
} from '../../../test/support/blob-bench.ts'
import { type ServedProtocol, type TestRequest, request } from '../../http/testing.ts'
import { LEASE_MS } from '../../services/keyring/testing/installation.ts'
import type { StaticWebsite } from '../../services/storage/storage-account.ts'

let bench: BlobBench
let served: ServedProtocol
/** Through which the pages come. */
let door: ServedProtocol
beforeEach(async () => {
  bench = await openBlobBench()
  await makeContainer(bench, '$web')
  served = await serveWebsite(bench)
  door = await serveBlobs(bench)
})
afterEach(async () => {
  expect(served.bugs).toEqual([])
  await served[Symbol.asyncDispose]()
  await door[Symbol.asyncDispose]()
  await bench[Symbol.asyncDispose]()
})

const host = 'account1.web.core.localhost'
const get = (path: string, options: TestRequest = {}) => request(`${served.url}${path}`, { host, ...options })
const setWebsite = (website: Partial<StaticWebsite> | null) => {
  const staticWebsite =
    website === null
      ? null
      : { indexDocument: null, defaultIndexDocumentPath: null, errorDocument404Path: null, ...website }
  bench.account = { ...bench.account, blobService: { ...bench.account.blobService, staticWebsite } }
}
const write = (blob: string, text: string) =>
  request(`${door.url}/account1/%24web/${encodeURIComponent(blob)}`, {
    method: 'PUT',
    headers: { 'x-ms-blob-type': 'BlockBlob' },
    body: text,
  })

describe('a static website', () => {
  it('shows what is in $web, and the index document of every folder', async () => {
    setWebsite({ indexDocument: 'index.html' })
    for (const name of ['index.html', 'docs/index.html', 'docs/a b.txt', 'über.txt']) await write(name, name)
    const pages = {
      '/': 'index.html',
      '/index.html': 'index.html',
      '/docs/': 'docs/index.html',
      '/docs': 'docs/index.html',
      '/docs/a%20b.txt': 'docs/a b.txt',
      '/%C3%BCber.txt?x=y': 'über.txt',
    }
    for (const [path, text] of Object.entries(pages)) {
      const answer = await get(path)
      expect([answer.status, answer.text]).toEqual([200, text])
    }
    const head = await get('/docs/', { method: 'HEAD' })
    expect(head.headers['content-length']).toBe('15')
    expect(head.headers['x-content-type-options']).toBeUndefined()
  })

  it('answers what is not there with a document of its own, and 404', async () => {
    await write('errors/404.html', 'not here')
    setWebsite({ indexDocument: 'index.html', errorDocument404Path: 'errors/404.html' })
    for (const path of ['/nothing', '/', '/a/b/', '/errors/']) {
      const answer = await get(path, { headers: { range: 'bytes=0-1', 'if-none-match': '*' } })
      expect([answer.status, answer.text]).toEqual([404, 'not here'])
    }
    const answer = await get('/errors/404.html')
    expect(answer.status).toBe(200)
  })

  it('without such a document says so in HTML, with nothing of the request in it', async () => {
    for (const website of [null, { errorDocument404Path: 'gone.html' }]) {
      setWebsite(website)
      const answer = await get('/%3Cscript%3E')
      expect(answer.status).toBe(404)
      expect(answer.headers).toMatchObject({
        'content-type': 'text/html',
        'x-ms-error-code': 'WebContentNotFound',
      })
      expect(answer.text).not.toContain('script')
    }
  })

  it('leads every path to the default index document, where there is one', async () => {
    await write('app/main.html', 'app')
    await write('other.txt', 'other')
    setWebsite({ defaultIndexDocumentPath: 'app/main.html', errorDocument404Path: 'other.txt' })
    for (const path of ['/', '/some/route', '/some/route/']) {
      const answer = await get(path)
      expect([answer.status, answer.text]).toEqual([200, 'app'])
    }
    expect((await get('/other.txt')).text).toBe('other')
  })

  it('heeds what the browser has, and sends parts', async () => {
    await write('a.txt', '0123456789')
    setWebsite({ indexDocument: 'index.html' })
    const { headers } = await get('/a.txt')
    const again = await get('/a.txt', { headers: { 'if-none-match': headers.etag ?? '' } })
    expect([again.status, again.text]).toEqual([304, ''])
    const part = await get('/a.txt', { headers: { range: 'bytes=2-4' } })
    expect([part.status, part.text, part.headers['content-range']]).toEqual([206, '234', 'bytes 2-4/10'])
    const beyond = await get('/a.txt', { headers: { range: 'bytes=10-' } })
    expect([beyond.status, beyond.headers['content-range']]).toEqual([416, 'bytes */10'])
  })

  it('is refused while the customer has revoked, without a word of whose key it is', async () => {
    await write('index.html', 'page')
    setWebsite({ indexDocument: 'index.html' })
    bench.setKeyEnabled(false)
    const answer = await get('/')
    expect(answer.status).toBe(403)
    expect(answer.headers).toMatchObject({
      'content-type': 'text/html',
      'x-ms-error-code': 'KeyVaultEncryptionKeyNotFound',
    })
    expect(answer.text).not.toContain('vault.')
    bench.setKeyEnabled(true)
    bench.world.clock.advance(LEASE_MS)
    expect((await get('/')).text).toBe('page')
  })

  it('takes nothing but GET and HEAD', async () => {
    setWebsite({ indexDocument: 'index.html' })
    for (const method of ['PUT', 'POST', 'DELETE', 'OPTIONS', 'PATCH']) {
      const answer = await get('/index.html', { method })
      expect([answer.status, answer.headers.allow]).toEqual([405, 'GET, HEAD'])
    }
  })

  it("is nobody else's", async () => {
    const answer = await get('/', { host: 'account2.web.core.localhost' })
    expect(answer.status).toBe(404)
  })
})
