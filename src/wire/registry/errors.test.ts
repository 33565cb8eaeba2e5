import { describe, expect, it } from 'vitest'
import { HttpFault } from '../../http/faults.ts'
import type { RequestHead } from '../../http/operation.ts'
import { Outage } from '../../kernel/fault.ts'
import { KeyringFault } from '../../services/keyring/keyring.ts'
import { RegistryFault } from '../../services/registry/faults.ts'
import { RegistryAuthFault } from '../../services/registry/registry-identity.ts'
import { fail } from './errors.ts'

const head = {} as RequestHead
const first = (thrown: unknown) => {
  const { status, headers, body } = fail(thrown, head)
  const { errors } = body as unknown as { errors: { code: string; message: string; detail?: unknown }[] }
  return { status, headers, ...errors[0]! }
}

describe('fail()', () => {
  it('says which key does not open for whom, why, and what to do', () => {
    const error = first(
      new KeyringFault('key-refused', {
        keyId: 'https://kv1.vault.localhost/keys/k1/0123',
        identity: '6d1b…',
        cause: 'key-disabled',
        message: 'The key is disabled.',
      }),
    )
    expect(error).toMatchObject({
      status: 403,
      code: 'DENIED',
      detail: {
        keyId: 'https://kv1.vault.localhost/keys/k1/0123',
        identity: '6d1b…',
        cause: 'key-disabled',
        message: 'The key is disabled.',
      },
    })
    for (const part of [
      'https://kv1.vault.localhost/keys/k1/0123',
      '6d1b…',
      'key-disabled',
      'Enable the key',
    ]) {
      expect(error.message).toContain(part)
    }
  })

  it('calls no answer of the vault, or a full disk, a matter of time', () => {
    expect(first(new Outage('disk /var/secret is full', { retryAfterSeconds: 2.5 }))).toEqual({
      status: 503,
      code: 'UNKNOWN',
      message: 'the registry cannot answer just now; try again',
      headers: { 'retry-after': '3' },
    })
  })

  it('never repeats what nobody foresaw', () => {
    for (const thrown of [
      new Error('password=hunter2'),
      'hunter2',
      null,
      undefined,
      { code: 'blob-unknown' },
    ]) {
      const error = first(thrown)
      expect([error.status, error.code]).toEqual([500, 'UNKNOWN'])
      expect(JSON.stringify(error)).not.toContain('hunter2')
    }
  })

  it('challenges for what was wanted, in one scope for each repository', () => {
    const repository = (name: string, action: string) => ({ type: 'repository', name, action }) as const
    const error = first(
      new RegistryAuthFault('unauthenticated', {
        host: 'r1.azurecr.localhost:8443',
        error: null,
        access: [repository('a/b', 'pull'), repository('a/b', 'push'), repository('c', 'pull')],
      }),
    )
    expect(error).toMatchObject({
      status: 401,
      code: 'UNAUTHORIZED',
      headers: {
        'www-authenticate':
          'Bearer realm="https://r1.azurecr.localhost:8443/oauth2/token",service="r1.azurecr.localhost:8443",scope="repository:a/b:pull,push repository:c:pull"',
      },
      detail: [
        { Type: 'repository', Name: 'a/b', Action: 'pull' },
        { Type: 'repository', Name: 'a/b', Action: 'push' },
        { Type: 'repository', Name: 'c', Action: 'pull' },
      ],
    })
  })

  it('tells where an upload stands when a chunk came out of order', () => {
    const facts = { name: 'a', uploadId: 'u1', range: '9-10', size: 5 }
    expect(first(new RegistryFault('upload-range-invalid', facts))).toMatchObject({
      status: 416,
      code: 'BLOB_UPLOAD_RANGE_INVALID',
      headers: { location: '/v2/a/blobs/uploads/u1', range: '0-4', 'docker-upload-uuid': 'u1' },
    })
  })

  it('names the methods there are, with HEAD beside GET', () => {
    const error = first(new HttpFault('method-not-allowed', { allowed: ['GET', 'DELETE'] }))
    expect([error.status, error.headers]).toEqual([405, { allow: 'GET, HEAD, DELETE' }])
  })
})
