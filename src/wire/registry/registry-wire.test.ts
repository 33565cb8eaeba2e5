import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { type IncomingMessage, request as sendRequest } from 'node:http'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type RegistryBench,
  imageOf,
  openRegistryBench,
  pushBlob,
  pushImage,
  serveRegistry,
  sha,
} from '../../../test/support/registry-bench.ts'
import { type ServedProtocol, request } from '../../http/testing.ts'
import { Outage } from '../../kernel/fault.ts'
import { LEASE_MS } from '../../services/keyring/testing/installation.ts'
import type { RegistryAction } from '../../services/registry/registry-caller.ts'
import { openRegistryContent } from '../../services/registry/registry-content.ts'
import { contentOperations } from './index.ts'

let bench: RegistryBench
let served: ServedProtocol
beforeEach(async () => {
  bench = await openRegistryBench()
  served = await serveRegistry(bench)
})
afterEach(async () => {
  await served.close()
  await bench[Symbol.asyncDispose]()
})

const send = (method: string, path: string, body?: Uint8Array, headers: Record<string, string> = {}) =>
  request(`${served.url}${path}`, { method, headers, ...(body === undefined ? {} : { body }) })

describe('while the key is away', () => {
  it('every route of content answers 403 in OCI’s form, and serves again when the key is back', async () => {
    const layer = randomBytes(100_000)
    const { digest } = { digest: await pushImage(bench, 'app', imageOf([layer]), ['v1']) }
    const begun = await send('POST', '/v2/app/blobs/uploads/')
    bench.setKeyEnabled(false)
    const example: Record<string, string> = {
      'name+': 'app',
      digest,
      reference: 'v1',
      tag: 'v1',
      uploadId: begun.headers['docker-upload-uuid'] as string,
    }
    const blob = sha(layer)
    let asked = 0
    for (const { id, method, path } of contentOperations(bench.content)) {
      if (id === 'Base') continue
      const filled = path.replace(/\{([^}]+)\}/g, (_, name: string) => example[name] ?? '')
      const at = path.includes('/blobs/{digest}') ? `/v2/app/blobs/${blob}` : filled
      const body = method === 'PUT' || method === 'PATCH' || method === 'POST' ? Buffer.from('{}') : undefined
      const answer = await send(method, id === 'FinishUpload' ? `${at}?digest=${blob}` : at, body)
      expect([id, answer.status]).toEqual([id, 403])
      expect(answer.json()).toMatchObject({ errors: [{ code: 'DENIED', detail: { cause: 'key-disabled' } }] })
      expect(answer.text).toContain('/keys/k1')
      asked++
    }
    expect(asked).toBeGreaterThan(20)
    bench.setKeyEnabled(true)
    bench.world.clock.advance(LEASE_MS)
    expect((await send('GET', `/v2/app/blobs/${blob}`)).body.equals(layer)).toBe(true)
    expect(served.bugs).toEqual([])
  })

  it('no answer of the vault is 503, never 403', async () => {
    await pushImage(bench, 'app', imageOf([]), ['v1'])
    bench.world.clock.advance(LEASE_MS)
    bench.world.vault.before = () => {
      throw new Outage('no answer')
    }
    const answer = await send('GET', '/v2/app/manifests/v1')
    expect([answer.status, Number(answer.headers['retry-after']) > 0]).toEqual([503, true])
    expect(answer.json()).toHaveProperty('errors')
  })

  it('a download under way is cut off without a clean end', async () => {
    const layer = randomBytes(8_000_000)
    const digest = await pushBlob(bench, 'app', layer)
    const sending = sendRequest(`${served.url}/v2/app/blobs/${digest}`).end()
    const [response] = (await once(sending, 'response')) as [IncomingMessage]
    let received = 0
    const ended = new Promise<string>((resolve) => {
      response.on('data', (chunk: Buffer) => (received += chunk.length))
      response.once('end', () => resolve('end'))
      response.once('error', () => resolve('error'))
      response.once('aborted', () => resolve('error'))
    })
    await once(response, 'data')
    response.pause()
    bench.setKeyEnabled(false)
    response.resume()
    expect(await ended).toBe('error')
    expect(received).toBeLessThan(layer.length)
  })
})

describe('an upload', () => {
  it('whose client goes away is as it was before the chunk', async () => {
    const begun = await send('POST', '/v2/app/blobs/uploads/')
    const at = begun.headers.location ?? ''
    const bytes = randomBytes(300_000)
    expect((await send('PATCH', at, bytes.subarray(0, 100_000))).status).toBe(202)
    const broken = sendRequest(`${served.url}${at}`, {
      method: 'PATCH',
      headers: { 'content-length': '200000' },
    })
    broken.on('error', () => undefined)
    broken.write(bytes.subarray(100_000, 150_000))
    await new Promise((resolve) => setTimeout(resolve, 100))
    broken.destroy()
    await new Promise((resolve) => setTimeout(resolve, 100))
    const status = await send('GET', at)
    expect([status.status, status.headers['range']]).toEqual([204, '0-99999'])
    expect((await send('PATCH', at, bytes.subarray(100_000))).status).toBe(202)
    expect((await send('PUT', `${at}?digest=${sha(bytes)}`)).status).toBe(201)
    expect(served.bugs).toEqual([])
  })

  it('that finds the disk full is told so in OCI’s form', async () => {
    const { process, bytes, world } = bench
    const content = openRegistryContent({
      records: process.data,
      bytes: {
        ...bytes,
        write: async () => {
          throw new Outage('no space left')
        },
      },
      keyring: process.keyring,
      clock: { now: () => new Date(world.clock.wall()) },
    })
    const full = await serveRegistry({ ...bench, content })
    const body = randomBytes(20_000)
    const pushed = await request(`${full.url}/v2/app/blobs/uploads/?digest=${sha(body)}`, {
      method: 'POST',
      body,
    })
    expect(pushed.status).toBe(503)
    expect(pushed.json()).toMatchObject({ errors: [{ code: 'UNKNOWN' }] })
    expect(full.bugs).toEqual([])
    await full.close()
  })
})

describe('a mount', () => {
  it('of what the caller may not pull is an upload like any other, whether it is there or not', async () => {
    const bytes = randomBytes(100)
    const digest = await pushBlob(bench, 'secret', bytes)
    const permit = (action: RegistryAction, repository: string | null) =>
      action !== 'pull' || repository !== 'secret'
    const limited = await serveRegistry(bench, permit)
    const answers = []
    for (const from of ['secret', 'nowhere']) {
      const answer = await request(`${limited.url}/v2/mine/blobs/uploads/?mount=${digest}&from=${from}`, {
        method: 'POST',
      })
      const {
        location,
        'docker-upload-uuid': id,
        'x-ms-request-id': _r,
        'x-ms-correlation-request-id': _c,
        date: _d,
        ...rest
      } = answer.headers
      expect(location).toBe(`/v2/mine/blobs/uploads/${String(id)}`)
      answers.push({ status: answer.status, text: answer.text, rest })
    }
    expect(answers[0]).toMatchObject({ status: 202 })
    expect(answers[0]).toEqual(answers[1])
    expect((await request(`${limited.url}/v2/mine/blobs/${digest}`)).status).toBe(404)
    await limited.close()
  })
})
