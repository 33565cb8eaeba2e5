import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { randomGuid } from '../../crypto/random.ts'
import type { Guid } from '../../kernel/guid.ts'
import type { Principal } from '../directory/directory.ts'
import { findVaultKind } from '../keyring/key-id.ts'
import type { KeyHolder, TokenSource, VaultTokenRequest } from '../keyring/ports.ts'
import { byVault } from './by-vault.ts'
import { type RemoteVaults, openRemoteVaults } from './open-remote-vaults.ts'
import { type TlsServer, json, newAuthority, tlsServer } from './testing/tls-server.ts'

const never = new AbortController().signal
const userAssigned =
  '/subscriptions/s/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/ID1'
let server: TlsServer
let vaults: RemoteVaults
let principals: Principal[]
const byId = identity(null)
const byResource = identity(userAssigned)
const unnamed = identity(
  '/subscriptions/s/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/r1',
)

function identity(resourceId: string | null, kind: Principal['kind'] = 'managedIdentity'): Principal {
  const [tenantId, principalId, appId] = [randomGuid(), randomGuid(), randomGuid()]
  return { tenantId, principalId, appId, kind, displayName: 'id', resourceId }
}

beforeEach(async () => {
  server = await tlsServer(await newAuthority())
  principals = [byId, byResource, unnamed]
  server.answer = (request, response) => {
    const client = new URLSearchParams(request.body).get('client_id') ?? ''
    json(200, { expires_in: 3_599, access_token: `token of ${client}` })(request, response)
  }
  const credential = (clientId: string) => async () => ({ clientId, clientSecret: 's' })
  vaults = openRemoteVaults(
    {
      url: 'https://vault.example:8443',
      loginUrl: server.url,
      tenantId: randomGuid(),
      ca: server.ca,
      identities: [
        { identity: byId.principalId.toUpperCase(), credential: credential('one') },
        { identity: userAssigned.toLowerCase(), credential: credential('two') },
      ],
    },
    {
      directory: {
        findPrincipal: async (by) =>
          principals.find((one) => 'principalId' in by && one.principalId === by.principalId) ?? null,
      },
      monotonic: () => 0,
    },
  )
})
afterEach(async () => {
  vaults[Symbol.dispose]()
  await server[Symbol.asyncDispose]()
})

const tokenOf = ({ principalId }: { principalId: Guid }, more: Partial<VaultTokenRequest> = {}) =>
  vaults.tokens.token(
    {
      principalId,
      federatedClientId: null,
      resourceId: '/r',
      vaultUrl: 'https://kv1.vault.example:8443',
      audience: 'https://vault.example:8443',
      lifetimeMs: 5_000,
      ...more,
    },
    never,
  )

describe('the way to vaults of another server', () => {
  it('is for the vaults of the configured address', () => {
    const kinds = [vaults.kind]
    expect(findVaultKind('https://kv1.vault.example:8443', kinds)).toEqual({
      suffix: '.vault.example:8443',
      audience: 'https://vault.example:8443',
    })
    for (const other of [
      'https://kv1.vault.example',
      'https://a.kv1.vault.example:8443',
      'https://vault.example:8443',
    ])
      expect(findVaultKind(other, kinds)).toBeNull()
  })

  it('is gone by an identity as the client that the operator gave it, named by either of its ids', async () => {
    expect(await tokenOf(byId)).toBe('token of one')
    expect(await tokenOf(byResource)).toBe('token of two')
  })

  it('is closed to an identity that he did not name, and nothing is sent', async () => {
    await expect(tokenOf(unnamed)).rejects.toMatchObject({
      facts: { cause: 'token-refused', message: expect.stringContaining('--remote-vaults') as string },
    })
    expect(server.requests).toEqual([])
  })

  it('is closed once the identity is gone, though a token for it was got before', async () => {
    await tokenOf(byId)
    principals = []
    await expect(tokenOf(byId)).rejects.toMatchObject({ facts: { cause: 'identity-gone' } })
  })

  it('is not gone by way of an application of ours, which is unknown there', async () => {
    await expect(tokenOf(byId, { federatedClientId: randomGuid() })).rejects.toMatchObject({
      facts: { cause: 'token-refused' },
    })
    expect(server.requests).toEqual([])
  })

  it('is probed without a secret', async () => {
    server.answer = json(200, {})
    await vaults.probe(never)
    expect(server.requests).toMatchObject([{ method: 'GET', body: '' }])
    server.answer = json(404, {})
    await expect(vaults.probe(never)).rejects.toMatchObject({
      name: 'Outage',
      detail: `${server.url} answered with status 404.`,
    })
  })
})

it('each vault is asked by its own way, and what no other way is for by ours', async () => {
  const asked: string[] = []
  const way = (name: string): { keyHolder: KeyHolder; tokens: TokenSource } => {
    const told = (key: { readonly vaultUrl: string }) => {
      asked.push(`${name} ${key.vaultUrl}`)
      return Promise.reject(new Error('told'))
    }
    return {
      keyHolder: {
        describe: told,
        wrap: told,
        unwrap: told,
        watch: () => {
          asked.push(`${name} watched`)
          return { [Symbol.dispose]: () => undefined }
        },
      },
      tokens: { token: told },
    }
  }
  const { keyHolder, tokens } = byVault(way('own'), [{ kind: vaults.kind, ...way('other') }])
  for (const vaultUrl of ['https://kv1.vault.localhost:8443', 'https://kv1.vault.example:8443']) {
    const key = { vaultUrl, name: 'k', version: null }
    const request = { vaultUrl } as VaultTokenRequest
    for (const ask of [
      () => keyHolder.describe(key, '', never),
      () => keyHolder.wrap(key, Buffer.alloc(0), '', never),
      () => keyHolder.unwrap(key, Buffer.alloc(0), '', never),
      () => tokens.token(request, never),
    ])
      await expect(ask()).rejects.toThrow('told')
  }
  keyHolder.watch(() => undefined)
  expect(asked).toEqual([
    ...Array<string>(4).fill('own https://kv1.vault.localhost:8443'),
    ...Array<string>(4).fill('other https://kv1.vault.example:8443'),
    'own watched',
  ])
})
