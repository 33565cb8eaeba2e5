import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { ConfigError } from '../config/config.ts'
import { randomGuid } from '../crypto/random.ts'
import type { Principal } from '../services/directory/directory.ts'
import { type TlsServer, json, newAuthority, tlsServer } from '../services/remote-vault/testing/tls-server.ts'
import { probeRemoteVaults, remoteVaultsOf } from './remote-vaults.ts'

const principal: Principal = {
  tenantId: randomGuid(),
  principalId: randomGuid(),
  appId: randomGuid(),
  kind: 'managedIdentity',
  displayName: 'id1',
  resourceId: null,
}
let folder: string
let server: TlsServer

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'remote-vaults-'))
  server = await tlsServer(await newAuthority())
  await writeFile(at('ca.pem'), server.ca)
  await writeFile(at('client.json'), JSON.stringify({ clientId: 'c', clientSecret: 'hunter2' }))
})
afterEach(async () => {
  await server[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
})

const at = (name: string) => join(folder, name)
const open = (more: { caFile?: string; credentialFile?: string } = {}) =>
  remoteVaultsOf(
    [
      {
        url: server.url,
        loginUrl: server.url,
        tenantId: randomGuid(),
        caFile: more.caFile ?? at('ca.pem'),
        identities: [
          { identity: principal.principalId, credentialFile: more.credentialFile ?? at('client.json') },
        ],
      },
    ],
    { directory: { findPrincipal: async () => principal }, monotonic: () => 0 },
  )

describe('files that the operator named for another server', () => {
  it.each([
    ['a CA file that is not there', { caFile: 'none.pem' }],
    ['a CA file that is none', { caFile: 'client.json' }],
    ['a credential that is not there', { credentialFile: 'none.json' }],
    ['a credential that is none', { credentialFile: 'ca.pem' }],
  ])('%s keeps the server from starting, in one line', async (_, more) => {
    const [[option, name] = ['caFile', '']] = Object.entries(more)
    const opened = open({ [option]: at(name) })
    await expect(opened).rejects.toBeInstanceOf(ConfigError)
    await expect(opened).rejects.toThrow(/^--remote-vaults: \S+ cannot be read, or [^\n]+$/)
  })

  it('a credential that is broken later is no answer, and its words are nobody’s', async () => {
    const [remote] = await open()
    await writeFile(at('client.json'), '{"clientSecret": "hunter2", ')
    const request = {
      principalId: principal.principalId,
      federatedClientId: null,
      resourceId: '/r',
      vaultUrl: server.url,
      audience: server.url,
      lifetimeMs: 1_000,
    }
    const thrown: unknown = await remote?.tokens
      .token(request, new AbortController().signal)
      .catch((error: unknown) => error)
    expect(thrown).toMatchObject({ name: 'Outage', detail: expect.stringContaining('client.json') as string })
    expect(JSON.stringify(thrown, Object.getOwnPropertyNames(thrown))).not.toContain('hunter2')
    expect(server.requests).toEqual([])
    remote?.[Symbol.dispose]()
  })
})

it('a server that cannot be used is told of in the log, and one that can is not', async () => {
  const told: object[] = []
  const log = { warn: (facts: object) => void told.push(facts) }
  const remotes = await open()
  server.answer = json(200, {})
  await probeRemoteVaults(remotes, log)
  expect(told).toEqual([])
  server.answer = json(500, {})
  await probeRemoteVaults(remotes, log)
  expect(told).toEqual([{ vaults: server.url, detail: `${server.url} answered with status 500.` }])
  for (const remote of remotes) remote[Symbol.dispose]()
})
