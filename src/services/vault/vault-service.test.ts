import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  type Someone,
  type VaultBench,
  openVaultBench,
  objectIn,
  outcome,
  textIn,
} from '../../../test/support/vault-bench.ts'
import { jwkOfPkcs8 } from '../../../test/support/rsa.ts'
import type { JsonObject } from '../../kernel/json.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../kernel/units.ts'
import { keyRecords } from '../../store/records/vault/key-records.ts'
import type { KeyChange, KeyIdentifier } from '../keyring/ports.ts'
import { inProcessKeyHolder } from './in-process-key-holder.ts'

let bench: VaultBench
beforeEach(async () => {
  bench = await openVaultBench()
  await bench.putVault('kv1')
  await create('k1')
})
afterEach(async () => {
  expect(bench.served.bugs.filter((bug) => !String(bug).includes('disk is full'))).toEqual([])
  await bench[Symbol.asyncDispose]()
})

async function create(name: string, vault = 'kv1'): Promise<void> {
  expect(outcome(await bench.ask('POST', `/keys/${name}/create`, { vault, body: { kty: 'RSA' } }))).toBe(
    '200',
  )
}
const never = new AbortController().signal
const holder = () => inProcessKeyHolder(bench.vault)
const key = (name = 'k1', vault = 'kv1'): KeyIdentifier => ({
  vaultUrl: `https://${vault}.vault.localhost:8443`,
  name,
  version: null,
})
const causeOf = async (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'opened',
    (error: unknown) =>
      error instanceof Error && 'facts' in error ? (error.facts as { cause: string }).cause : error,
  )
/** A registry's managed identity and a token that the keyring got for it. */
async function registry(permissions = ['get', 'wrapKey', 'unwrapKey'], vault = 'kv1') {
  const { directory } = bench.engine
  const resourceId = `/subscriptions/s/resourceGroups/rg1/providers/Microsoft.ContainerRegistry/registries/r${Math.random()}`
  const principal = await directory.createManagedIdentity({
    tenantId: bench.tenantId,
    resourceId,
    displayName: 'r',
  })
  const token = await directory.tokenForResource({
    principalId: principal.principalId,
    resourceId,
    audience: 'https://vault.localhost:8443',
    lifetimeMs: HOUR_MS,
  })
  const policy = {
    tenantId: bench.tenantId,
    objectId: principal.principalId,
    permissions: { keys: permissions },
  }
  await bench.put(`vaults/${vault}/accessPolicies/add`, { properties: { accessPolicies: [policy] } })
  return { token, principal, resourceId }
}

describe('a soft-deleted key', () => {
  const sweep = async (ms: number, times = 1) => {
    let purged = 0
    for (let n = 0; n < times; n++) {
      bench.pass(ms / times)
      purged += await bench.vault.purgeDue()
    }
    return purged
  }
  beforeEach(async () => {
    await bench.putVault('short', { softDeleteRetentionInDays: 7 })
    await create('gone', 'short')
    bench.pass(HOUR_MS)
    await bench.ask('DELETE', '/keys/gone', { vault: 'short' })
  })
  const isThere = async () => (await bench.ask('GET', '/deletedkeys/gone', { vault: 'short' })).status === 200

  it('is purged when its retention has passed under the eyes of the server', async () => {
    expect(await sweep(7 * DAY_MS - MINUTE_MS, 100)).toBe(0)
    expect(await isThere()).toBe(true)
    expect(await sweep(MINUTE_MS)).toBe(1)
    expect(await isThere()).toBe(false)
    expect(bench.audited.at(-2)).toMatchObject({
      operation: 'KeyPurge',
      caller: null,
      object: 'deletedkeys/gone',
    })
    await create('gone', 'short')
  })
  it('survives a jump of the clock, however far', async () => {
    bench.engine.bench.now = new Date(bench.engine.bench.now.getTime() + 3 * 365 * DAY_MS)
    expect(await bench.vault.purgeDue()).toBe(0)
    expect(await isThere()).toBe(true)
  })
  it('survives a machine whose monotonic clock runs while its date stands still', async () => {
    bench.state.monotonicMs += 365 * DAY_MS
    expect(await bench.vault.purgeDue()).toBe(0)
    expect(await isThere()).toBe(true)
  })
  it('is not purged before the date that was promised, when the clock was set back', async () => {
    bench.engine.bench.now = new Date(bench.engine.bench.now.getTime() - 30 * DAY_MS)
    await bench.vault.purgeDue()
    expect(await sweep(8 * DAY_MS, 8)).toBe(0)
    expect(await sweep(30 * DAY_MS, 30)).toBe(1)
  })
  it('deleted anew after it was found due is not purged with the old one', async () => {
    const records = keyRecords(bench.engine.records, bench.engine.keys.record)
    const late = { now: new Date(bench.engine.bench.now.getTime() + 7 * DAY_MS), observedMs: 8 * DAY_MS }
    const [due] = await records.listDue(late, 10)
    await bench.ask('POST', '/deletedkeys/gone/recover', { vault: 'short' })
    bench.pass(2 * DAY_MS)
    await bench.ask('DELETE', '/keys/gone', { vault: 'short' })
    expect(await records.purge(due!.vaultUid, due!.name, late)).toBe(false)
    expect(await isThere()).toBe(true)
  })
  it('leaves nothing behind in the database', async () => {
    const { read } = bench.engine.records
    const rows = async () => {
      const keys = await read.selectFrom('vault_key').select('name').where('name', '=', 'gone').execute()
      const versions = await read
        .selectFrom('vault_key_version')
        .select('name')
        .where('name', '=', 'gone')
        .execute()
      return keys.length + versions.length
    }
    expect(await rows()).toBe(2)
    await bench.ask('DELETE', '/deletedkeys/gone', { vault: 'short' })
    expect(await rows()).toBe(0)
  })
})

describe('two at once', () => {
  it('a key that is deleted while its new version is being made gets none', async () => {
    const session = await bench.vault.admit({
      vaultName: 'kv1',
      token: bench.owner.token,
      remoteAddress: '127.0.0.1',
      operation: 'KeyCreate',
      keyName: 'k1',
      object: 'keys/k1',
      clientInfo: '',
      correlationId: '',
      apiVersion: '7.4',
    })
    const creating = session.run(async (call) => {
      await bench.vault.keys.assertNameFree(call, 'k1')
      await bench.ask('DELETE', '/keys/k1')
      return await bench.vault.keys.create(call, 'k1', { bits: 2048 })
    })
    await expect(creating).rejects.toMatchObject({ code: 'key-is-deleted' })
    expect(outcome(await bench.ask('POST', '/deletedkeys/k1/recover'))).toBe('200')
  })
  it('every version that was acknowledged is there, and one of them is the newest', async () => {
    const made = await Promise.all(
      Array.from({ length: 6 }, () => bench.ask('POST', '/keys/k1/create', { body: { kty: 'RSA' } })),
    )
    const kids = made.map((response) => textIn(objectIn(response.json(), 'key'), 'kid'))
    const { value } = (await bench.ask('GET', '/keys/k1/versions')).json() as { value: JsonObject[] }
    const listed = value.map((item) => textIn(item, 'kid'))
    expect(listed).toHaveLength(7)
    expect(listed).toEqual(expect.arrayContaining(kids))
    expect(objectIn((await bench.ask('GET', '/keys/k1')).json(), 'key')['kid']).toBe(listed.at(-1))
  })
})

describe('the audit', () => {
  it('has one entry for each call, refusals and missing tokens too, with who, what and which version', async () => {
    const stranger = await bench.signIn()
    bench.audited.length = 0
    const { version } = await holder().describe(key(), bench.owner.token, never)
    await bench.ask('GET', '/keys/k1', { token: null })
    await bench.ask('GET', '/keys/k1', { token: stranger.token, headers: { 'user-agent': 'az/2.91' } })
    await bench.ask('DELETE', '/keys/none')
    await bench.ask('POST', '/keys/k1/unwrapkey', { body: { alg: 'RSA-OAEP-256', value: 'AA' } })
    await bench.ask('POST', '/keys/k1/unwrapkey', { body: '{' })
    const seen = bench.audited.map(({ operation, status, refusal, object, caller, callerAddress }) => [
      operation,
      status,
      refusal,
      object,
      caller?.principalId ?? null,
      callerAddress,
    ])
    const owner = bench.owner.caller.principalId
    expect(seen).toEqual([
      ['KeyGet', 200, null, `keys/k1/${version}`, owner, null],
      ['KeyGet', 401, 'Unauthorized', 'keys/k1', null, '127.0.0.1'],
      ['KeyGet', 403, 'ForbiddenByPolicy', 'keys/k1', stranger.caller.principalId, '127.0.0.1'],
      ['KeyDelete', 404, 'KeyNotFound', 'keys/none', owner, '127.0.0.1'],
      ['KeyUnwrap', 400, 'BadParameter', `keys/k1/${version}`, owner, '127.0.0.1'],
      ['KeyUnwrap', 400, 'BadParameter', `keys/k1/${version}`, owner, '127.0.0.1'],
    ])
    expect(bench.audited[2]).toMatchObject({ clientInfo: 'az/2.91', apiVersion: '7.4' })
  })
  it('is written before the answer: where it cannot be, nothing is released', async () => {
    const { token } = bench.owner
    const { wrapped } = await holder().wrap(key(), Buffer.from('root key'), token, never)
    const body = { alg: 'RSA-OAEP-256', value: Buffer.from(wrapped).toString('base64url') }
    bench.state.auditFails = true
    const response = await bench.ask('POST', '/keys/k1/unwrapkey', { body })
    expect(response.status).toBe(500)
    expect(response.text).not.toContain(Buffer.from('root key').toString('base64url'))
    await expect(holder().unwrap(key(), wrapped, token, never)).rejects.toMatchObject({ name: 'Outage' })
    expect((await bench.ask('GET', '/keys/k1', { token: null })).status).toBe(500)
    bench.state.auditFails = false
    expect(outcome(await bench.ask('POST', '/keys/k1/unwrapkey', { body }))).toBe('200')
  })
})

describe('the in-process way', () => {
  it('describes, wraps and unwraps as over the wire', async () => {
    const { token } = await registry()
    const description = await holder().describe(key('K1'), token, never)
    expect(description).toEqual({
      kid: `https://kv1.vault.localhost:8443/keys/k1/${description.version}`,
      version: description.version,
      keyType: 'RSA',
      bits: 2048,
      enabled: true,
      expiresAt: null,
      recoveryLevel: 'Recoverable+Purgeable',
      keyOperations: ['encrypt', 'decrypt', 'sign', 'verify', 'wrapKey', 'unwrapKey'],
    })
    const { kid, wrapped } = await holder().wrap(key(), Buffer.from('root key'), token, never)
    expect(kid).toBe(description.kid)
    const opened = await holder().unwrap({ ...key(), version: description.version }, wrapped, token, never)
    expect(opened.toString()).toBe('root key')
  })
  it('tells every cause of a refusal apart', async () => {
    const { token, principal } = await registry()
    const weak = await registry(['get'])
    const { wrapped } = await holder().wrap(key(), Buffer.from('x'), token, never)
    const unwrap = (at = key(), by = token) => causeOf(holder().unwrap(at, wrapped, by, never))
    const patch = async (body: JsonObject) =>
      expect(outcome(await bench.ask('PATCH', '/keys/k1', { body }))).toBe('200')
    const answers: [string, unknown][] = [['as it is', await unwrap()]]
    const ask = async (name: string, at?: KeyIdentifier, by?: string) =>
      answers.push([name, await unwrap(at, by)])
    await ask('no permission', key(), weak.token)
    await ask('no token', key(), 'nonsense')
    await ask('no such key', key('none'))
    await ask('no such version', { ...key(), version: '0'.repeat(32) })
    await ask('no such vault', key('k1', 'none'))
    await ask('a host of somebody else', { ...key(), vaultUrl: 'https://kv1.vault.evil.example' })
    answers.push(['broken', await causeOf(holder().unwrap(key(), Buffer.alloc(256), token, never))])
    await patch({ attributes: { exp: 1 } })
    await ask('expired')
    answers.push(['expired wrap', await causeOf(holder().wrap(key(), Buffer.from('x'), token, never))])
    await patch({ key_ops: ['wrapKey'], attributes: { exp: 4_000_000_000 } })
    await ask('not among key_ops')
    await patch({ attributes: { enabled: false } })
    await ask('disabled')
    await bench.ask('DELETE', '/keys/k1')
    await ask('deleted')
    await bench.engine.directory.deleteManagedIdentity(principal.principalId)
    await ask('identity deleted')
    expect(answers).toEqual([
      ['as it is', 'opened'],
      ['no permission', 'permission-missing'],
      ['no token', 'token-refused'],
      ['no such key', 'key-not-found'],
      ['no such version', 'key-not-found'],
      ['no such vault', 'vault-not-found'],
      ['a host of somebody else', 'vault-not-found'],
      ['broken', 'wrapping-damaged'],
      ['expired', 'opened'],
      ['expired wrap', 'key-not-valid-now'],
      ['not among key_ops', 'key-operation-forbidden'],
      ['disabled', 'key-disabled'],
      ['deleted', 'key-not-found'],
      ['identity deleted', 'identity-gone'],
    ])
  })
  it('gives no answer rather than a refusal when it is told to stop', async () => {
    const { token } = await registry()
    const { wrapped } = await holder().wrap(key(), Buffer.from('x'), token, never)
    const abort = new AbortController()
    const opening = holder().unwrap(key(), wrapped, token, abort.signal)
    abort.abort()
    await expect(opening).rejects.toMatchObject({ name: 'Outage' })
    await expect(holder().unwrap(key(), wrapped, token, abort.signal)).rejects.toMatchObject({
      name: 'Outage',
    })
  })
  it('remembers who opened which version last', async () => {
    const { token, principal, resourceId } = await registry()
    const { kid, wrapped } = await holder().wrap(key(), Buffer.from('x'), token, never)
    const vault = await bench.engine.store.findByGlobalName('Microsoft.KeyVault/vaults', 'kv1')
    const uses = () => bench.vault.lastUses(vault?.uid ?? '', 'k1')
    expect(await uses()).toEqual([])
    await holder().unwrap(key(), wrapped, token, never)
    const at = Math.floor(bench.engine.bench.now.getTime() / 1000)
    await expect.poll(uses).toEqual([
      {
        version: kid.split('/').at(-1),
        at,
        principalId: principal.principalId,
        appId: principal.appId,
        resourceId,
      },
    ])
    bench.pass(2 * MINUTE_MS)
    await holder().unwrap(key(), wrapped, token, never)
    await expect.poll(async () => (await uses())[0]?.at).toBe(at + 120)
  })
})

describe('the firewall', () => {
  const rules = (acls: JsonObject, publicNetworkAccess = 'Enabled') => ({
    properties: { networkAcls: acls, publicNetworkAccess },
  })
  const deny = { defaultAction: 'Deny', bypass: 'None', ipRules: [] }
  it.each<[string, JsonObject, string]>([
    ['no rules', rules({}), '200'],
    [
      'another address',
      rules({ ...deny, ipRules: [{ value: '10.0.0.0/8' }] }),
      '403 Forbidden ForbiddenByFirewall',
    ],
    ['the address', rules({ ...deny, ipRules: [{ value: '127.0.0.1' }] }), '200'],
    ['its range', rules({ ...deny, ipRules: [{ value: '127.0.0.0/24' }] }), '200'],
    ['no public access', rules({}, 'Disabled'), '403 Forbidden ForbiddenByConnection'],
    [
      'no public access, though the address is listed',
      rules({ ...deny, ipRules: [{ value: '127.0.0.1' }] }, 'Disabled'),
      '403 Forbidden ForbiddenByConnection',
    ],
    [
      'the bypass, which is not for people',
      rules({ ...deny, bypass: 'AzureServices' }),
      '403 Forbidden ForbiddenByFirewall',
    ],
  ])('looks at the socket: %s', async (_name, body, expected) => {
    await bench.put('vaults/kv1', body)
    expect(outcome(await bench.ask('GET', '/keys/k1', { headers: { 'x-forwarded-for': '10.0.0.1' } }))).toBe(
      expected,
    )
    expect(outcome(await bench.ask('GET', '/keys/k1', { token: null }))).toBe('401 Unauthorized')
  })
  it('lets a resource of ours in by the bypass, and only if it has the permission', async () => {
    const { token } = await registry()
    const stranger = await registry([])
    const describe = (by: string) => causeOf(holder().describe(key(), by, never))
    await bench.put('vaults/kv1', rules({ ...deny, bypass: 'AzureServices' }))
    expect([await describe(token), await describe(stranger.token)]).toEqual(['opened', 'permission-missing'])
    expect(await describe(bench.owner.token)).toBe('firewall')
    await bench.put('vaults/kv1', rules({ ...deny, bypass: 'AzureServices' }, 'Disabled'))
    expect([await describe(token), await describe(bench.owner.token)]).toEqual(['opened', 'firewall'])
    await bench.put('vaults/kv1', rules(deny))
    expect(await describe(token)).toBe('firewall')
    expect(bench.audited.at(-1)).toMatchObject({ refusal: 'ForbiddenByFirewall', callerAddress: null })
  })
})

describe('the push', () => {
  it('tells of everything that may change the answer to an unwrap', async () => {
    const told: string[] = []
    using _watch = holder().watch((change: KeyChange) => {
      told.push(`${change.kind} ${change.vaultUrl ?? '*'} ${change.keyName ?? '*'}`)
    })
    const after = async (work: () => Promise<unknown>) => {
      told.length = 0
      await work()
      return [...new Set(told)]
    }
    const kv1 = 'https://kv1.vault.localhost:8443'
    const someone: Someone = await bench.signIn()
    const { principal } = await registry()
    const { access, directory, resources, call } = bench.engine
    const [role] = access.listRoles('Key Vault Reader')
    const policy = { properties: { accessPolicies: [bench.policyOf(someone, 'get')] } }
    const vault = bench.idOf('vaults/kv1')
    expect({
      patch: await after(() => bench.ask('PATCH', '/keys/K1', { body: { attributes: { enabled: false } } })),
      create: await after(() => create('k1')),
      rotate: await after(() => bench.ask('POST', '/keys/k1/rotate')),
      delete: await after(() => bench.ask('DELETE', '/keys/k1')),
      recover: await after(() => bench.ask('POST', '/deletedkeys/k1/recover')),
      purge: await after(async () => {
        await bench.ask('DELETE', '/keys/k1')
        await bench.ask('DELETE', '/deletedkeys/k1')
      }),
      settings: await after(() => bench.putVault('kv1')),
      policy: await after(() => bench.put('vaults/kv1/accessPolicies/add', policy)),
      role: await after(() =>
        access.grant({ scope: vault.id, roleId: role!.roleId, principalId: someone.caller.principalId }),
      ),
      identity: await after(() => directory.deleteManagedIdentity(principal.principalId)),
      vault: (await after(() => resources.delete(call(bench.owner.caller), vault))).filter((line) =>
        line.startsWith('vault'),
      ),
      nothing: await after(() => bench.ask('GET', '/keys/none')),
    }).toEqual({
      patch: [`key ${kv1} k1`],
      create: [`key-version-created ${kv1} k1`],
      rotate: [`key-version-created ${kv1} k1`],
      delete: [`key ${kv1} k1`],
      recover: [`key ${kv1} k1`],
      purge: [`key ${kv1} k1`],
      settings: [`vault ${kv1} *`],
      policy: [`vault ${kv1} *`],
      role: ['access * *'],
      identity: ['access * *'],
      vault: [`vault ${kv1} *`],
      nothing: [],
    })
  })
})

describe('what is kept', () => {
  it('has no private component in any answer or row', async () => {
    const rows = await bench.engine.records.read.selectFrom('vault_key_version').selectAll().execute()
    const [row] = rows
    const context = `vault_key_version/material/${row!.vault_uid}/k1/${row!.version}`
    const opened = bench.engine.keys.record.open(context, row!.material)
    const jwk = jwkOfPkcs8(opened)
    const body = { alg: 'RSA-OAEP-256', value: 'AA' }
    const answers = await Promise.all([
      bench.ask('GET', '/keys/k1'),
      bench.ask('GET', '/keys'),
      bench.ask('GET', '/keys/k1/versions'),
      bench.ask('POST', '/keys/k1/wrapkey', { body }),
      bench.ask('POST', '/keys/k1/unwrapkey', { body }),
      bench.ask('PATCH', '/keys/k1', { body: {} }),
      bench.ask('DELETE', '/keys/k1'),
    ])
    const everything = answers.map(({ text }) => text).join() + JSON.stringify(bench.audited)
    for (const part of ['d', 'p', 'q', 'dp', 'dq', 'qi'] as const) {
      expect(everything).not.toContain(jwk[part])
      const raw = Buffer.from(jwk[part], 'base64url').subarray(0, 24)
      expect(Buffer.from(row!.material).includes(raw)).toBe(false)
    }
    expect(everything).toContain(jwk.n)
  })
})
