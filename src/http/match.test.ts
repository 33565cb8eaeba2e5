import { expect, test } from 'vitest'
import { compileOperations } from './match.ts'
import type { AnyOperation, Protocol, RequestHead } from './operation.ts'
import { request, serveProtocol } from './testing.ts'

const put = (id: string, more: Partial<AnyOperation<null, null>> = {}): AnyOperation<null, null> => ({
  id,
  method: 'PUT',
  path: '/{container}/{blob+}',
  needs: null,
  body: { kind: 'none' },
  run: async ({ head, params }) => ({
    status: 200,
    body: { id, subject: head.subject, path: head.path, ...params },
  }),
  ...more,
})

const blobs: Protocol<null, null> = {
  name: 'blobs',
  ignoreCase: false,
  keepsPaths: true,
  operations: [
    put('PutBlob'),
    put('CopyBlob', { headers: { 'x-ms-copy-source': true } }),
    put('CopyFromUrl', { headers: { 'x-ms-copy-source': true, 'x-ms-requires-sync': 'true' } }),
    put('PutBlock', { query: { comp: 'block' } }),
  ],
  admit: async () => null,
  fail: () => ({ status: 400 }),
  headers: () => ({}),
}

test('request headers choose among operations of one path, the most conditions first', () => {
  const matcher = compileOperations(blobs)
  const found = (headers: Record<string, string>, query = '') => {
    const head = {
      method: 'PUT',
      path: '/c/b',
      query: new URLSearchParams(query),
      headers: new Map(Object.entries(headers)),
    }
    return matcher.match(head as unknown as RequestHead)?.operation.id
  }
  expect(found({})).toBe('PutBlob')
  expect(found({ 'x-ms-copy-source': 'https://x' })).toBe('CopyBlob')
  expect(found({ 'x-ms-copy-source': 'https://x', 'x-ms-requires-sync': 'True' })).toBe('CopyFromUrl')
  expect(found({ 'x-ms-copy-source': 'https://x', 'x-ms-requires-sync': 'false' })).toBe('CopyBlob')
  expect(found({ 'x-ms-copy-source': 'https://x' }, 'comp=block')).toMatch(/^(PutBlock|CopyBlob)$/)
})

test('HEAD is answered by the operation with the most conditions, its own before a GET among equals', () => {
  const at = (id: string, more: Partial<AnyOperation<null, null>>) =>
    put(id, { path: '/{container}', ...more })
  const matcher = compileOperations({
    ...blobs,
    operations: [
      at('GetRootBlob', { method: 'GET' }),
      at('HeadRootBlob', { method: 'HEAD' }),
      at('GetContainer', { method: 'GET', query: { restype: 'container' } }),
    ],
  })
  const found = (method: string, query = '') => {
    const head = { method, path: '/c', query: new URLSearchParams(query), headers: new Map() }
    return matcher.match(head as unknown as RequestHead)?.operation.id
  }
  expect(found('HEAD')).toBe('HeadRootBlob')
  expect(found('GET')).toBe('GetRootBlob')
  expect(found('HEAD', 'restype=container')).toBe('GetContainer')
  expect(() => found('PUT')).toThrow(
    expect.objectContaining({ facts: { allowed: expect.arrayContaining(['GET', 'HEAD']) as string[] } }),
  )
})

test('in path style the first segment is the subject, and the rest of the path is kept as it was sent', async () => {
  await using server = await serveProtocol(blobs, ['*.blob.localhost', 'address'])
  const byPath = await request(`${server.url}/account1/c//d%2Fe/`, { method: 'PUT' })
  expect(byPath.json()).toEqual({
    id: 'PutBlob',
    subject: 'account1',
    path: '/c//d/e/',
    container: 'c',
    blob: '/d/e/',
  })
  const byHost = await request(`${server.url}/c/b`, { method: 'PUT', host: 'account1.blob.localhost' })
  expect(byHost.json()).toEqual({
    id: 'PutBlob',
    subject: 'account1',
    path: '/c/b',
    container: 'c',
    blob: 'b',
  })
})
