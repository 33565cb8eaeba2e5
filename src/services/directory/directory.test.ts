import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { RecordKey } from '../../crypto/record-key.ts'
import { TokenSigner } from '../../crypto/token.ts'
import type { Guid } from '../../kernel/guid.ts'
import { DAY_MS, HOUR_MS, SECOND_MS } from '../../kernel/units.ts'
import { directoryRecords } from '../../store/records/directory/directory-objects.ts'
import { type KeysDb, keysMigrations } from '../../store/records/keys-db.ts'
import { type SqliteRecords, openSqliteRecords } from '../../store/records/sqlite/sqlite-records.ts'
import type { DirectoryService } from './directory-service.ts'
import { openDirectory } from './open-directory.ts'

const endpoints = { domain: 'localhost', port: 8443 }
const vault = 'https://vault.localhost:8443'
const management = 'https://management.localhost:8443'
const identityId =
  '/subscriptions/s/resourceGroups/rg/providers/Microsoft.ManagedIdentity/userAssignedIdentities/id1'

let folder: string
let key: RecordKey
let records: SqliteRecords<KeysDb>
let directory: DirectoryService
let now: Date
let tenantId: Guid
let owner: Awaited<ReturnType<DirectoryService['createAdministrator']>>

async function open(): Promise<void> {
  records = await openSqliteRecords<KeysDb>({
    file: join(folder, 'keys.db'),
    migrations: keysMigrations,
    durability: 'relaxed',
  })
  directory = await openDirectory({
    records: directoryRecords(records, key),
    clock: { now: () => now },
    endpoints,
  })
}

async function reopen(): Promise<void> {
  await records.close()
  await open()
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'directory-'))
  key = RecordKey.generate()
  now = new Date('2026-06-01T12:00:00.250Z')
  await open()
  tenantId = (await directory.createTenant({ displayName: 'Contoso' })).tenantId
  owner = await directory.createAdministrator({
    tenantId,
    displayName: 'owner',
    endsAt: new Date(now.getTime() + 365 * DAY_MS),
  })
})
afterEach(async () => {
  await records.close()
  await rm(folder, { recursive: true })
})

function credentials(more: Partial<Parameters<DirectoryService['clientCredentials']>[0]> = {}) {
  return {
    tenant: tenantId,
    clientId: owner.application.appId,
    secret: owner.secret,
    resource: vault,
    ...more,
  }
}
async function token(more: Parameters<typeof credentials>[0] = {}): Promise<string> {
  return (await directory.clientCredentials(credentials(more))).token
}
function parts(jwt: string) {
  const [head = '', body = '', signature = ''] = jwt.split('.')
  return { head: decode(head), body: decode(body), signature, signed: `${head}.${body}` }
}
function decode(text: string): Record<string, unknown> {
  return JSON.parse(Buffer.from(text, 'base64url').toString()) as Record<string, unknown>
}
function encode(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
async function authenticate(jwt: string) {
  return await directory.authenticate(jwt, [vault])
}
async function hmacOf(secret: Uint8Array<ArrayBuffer>, text: string): Promise<string> {
  const hmac = { name: 'HMAC', hash: 'SHA-256' }
  const hmacKey = await crypto.subtle.importKey('raw', secret, hmac, false, ['sign'])
  return Buffer.from(await crypto.subtle.sign('HMAC', hmacKey, Buffer.from(text))).toString('base64url')
}
/** What our own key would sign: the signature is good, so a test sees the one fault it makes. */
async function resigned(claims: Record<string, unknown>): Promise<string> {
  const stored = await directoryRecords(records, key).listSigningKeys(null)
  const signer = stored.items[0]?.signer
  if (signer === undefined) throw new Error('no signing key')
  return await signer.sign({ ...parts(await token()).body, ...claims })
}

describe('a token of the client credentials grant', () => {
  it('bears the claims that Entra ID puts into a version 1.0 token', async () => {
    const issued = await directory.clientCredentials(credentials({ resource: `${management}/` }))
    const seconds = Math.floor(now.getTime() / 1000)
    const { principalId, appId } = owner.principal
    expect(parts(issued.token).body).toEqual({
      aud: `${management}/`,
      iss: `https://sts.windows.net/${tenantId}/`,
      iat: seconds,
      nbf: seconds,
      exp: seconds + 3599,
      aio: expect.any(String) as string,
      appid: appId,
      appidacr: '1',
      idp: `https://sts.windows.net/${tenantId}/`,
      idtyp: 'app',
      oid: principalId,
      sub: principalId,
      tid: tenantId,
      uti: expect.any(String) as string,
      ver: '1.0',
    })
    const [published] = directory.publishedKeys()
    expect(parts(issued.token).head).toEqual({
      typ: 'JWT',
      alg: 'RS256',
      kid: published?.kid,
      x5t: published?.x5t,
    })
  })

  it('admits its principal, with or without a slash at the end of the audience', async () => {
    const expected = {
      tenantId,
      principalId: owner.principal.principalId,
      appId: owner.application.appId,
      kind: 'application',
      identityResourceId: null,
      trustedForResource: null,
    }
    expect(await authenticate(await token())).toMatchObject(expected)
    expect(await authenticate(await token({ resource: `${vault}/` }))).toMatchObject(expected)
    expect(await directory.authenticate(await token(), [`${vault}/`])).toMatchObject(expected)
  })

  it.each([
    ['a wrong secret', { secret: 'wrong' }, 'secret-wrong'],
    ['an empty secret', { secret: '' }, 'secret-wrong'],
    ['an unknown application', { clientId: '00000000-0000-0000-0000-000000000001' }, 'application-unknown'],
    ['an application id that is none', { clientId: 'owner' }, 'application-unknown'],
    ['an unknown tenant', { tenant: '00000000-0000-0000-0000-000000000002' }, 'tenant-unknown'],
    ['a tenant that is no id', { tenant: 'common' }, 'tenant-unknown'],
    ['an unknown resource', { resource: 'https://vault.azure.net' }, 'resource-unknown'],
    ['two slashes at the end', { resource: `${vault}//` }, 'resource-unknown'],
    ['a resource below a known one', { resource: `${vault}/keys` }, 'resource-unknown'],
    [
      'a storage account elsewhere',
      { resource: 'https://account1.blob.core.windows.net' },
      'resource-unknown',
    ],
    ['no storage service', { resource: 'https://account1.web.core.localhost:8443' }, 'resource-unknown'],
    ['no storage account', { resource: 'https://a.b.blob.core.localhost:8443' }, 'resource-unknown'],
    ['below an account', { resource: 'https://account1.blob.core.localhost:8443/c1' }, 'resource-unknown'],
  ])('is refused for %s', async (_, change, code) => {
    await expect(token(change)).rejects.toMatchObject({ name: 'SignInFault', code })
  })

  it('is for one storage account where it is asked so, with or without a slash at the end', async () => {
    const account = 'https://account1.blob.core.localhost:8443'
    const { principalId } = owner.principal
    for (const resource of [account, `${account}/`])
      expect(await directory.authenticate(await token({ resource }), [account])).toMatchObject({
        principalId,
      })
  })

  it('finds the tenant by the application when the path names none', async () => {
    expect(await authenticate(await token({ tenant: null }))).toMatchObject({ tenantId })
  })

  it('is refused in a tenant that the application is not of', async () => {
    const other = await directory.createTenant({ displayName: 'Fabrikam' })
    await expect(token({ tenant: other.tenantId })).rejects.toMatchObject({ code: 'application-unknown' })
  })

  it('takes the tenant and client id in any letter case', async () => {
    const upper = { tenant: tenantId.toUpperCase(), clientId: owner.application.appId.toUpperCase() }
    expect(await authenticate(await token(upper))).toMatchObject({ tenantId })
  })
})

describe('authenticate() refuses', () => {
  it('a token whose payload was changed', async () => {
    const { head, body, signature } = parts(await token())
    const forged = `${encode(head)}.${encode({ ...body, oid: owner.application.objectId })}.${signature}`
    await expect(authenticate(forged)).rejects.toMatchObject({ code: 'token-signature' })
  })

  it('a token under a key of another directory, whatever kid it names', async () => {
    const { body } = parts(await token())
    const foreign = await TokenSigner.generate()
    await expect(authenticate(await foreign.sign(body))).rejects.toMatchObject({ code: 'token-signature' })
    const jwt = await foreign.sign(body)
    const head = { ...parts(jwt).head, kid: directory.publishedKeys()[0]?.kid }
    const renamed = [encode(head), ...jwt.split('.').slice(1)].join('.')
    await expect(authenticate(renamed)).rejects.toMatchObject({ code: 'token-signature' })
  })

  it('a token with the algorithm none', async () => {
    const { head, body } = parts(await token())
    for (const alg of ['none', 'None', '']) {
      const bare = `${encode({ ...head, alg })}.${encode(body)}.`
      await expect(authenticate(bare)).rejects.toMatchObject({ code: /token-(algorithm|malformed)/ })
    }
  })

  it('a token that takes our public key for an HMAC secret', async () => {
    const { head, body } = parts(await token())
    const [published] = directory.publishedKeys()
    const signed = `${encode({ ...head, alg: 'HS256' })}.${encode(body)}`
    for (const secret of [published?.n ?? '', published?.x5c[0] ?? '']) {
      const tag = await hmacOf(Buffer.from(secret, 'base64'), signed)
      await expect(authenticate(`${signed}.${tag}`)).rejects.toMatchObject({ code: 'token-algorithm' })
    }
  })

  it.each([
    [
      'of a foreign issuer',
      { iss: 'https://sts.windows.net/00000000-0000-0000-0000-000000000003/' },
      'token-issuer',
    ],
    ['of a version 2.0 issuer', { iss: 'https://login.localhost:8443/x/v2.0' }, 'token-issuer'],
    ['for another audience', { aud: management }, 'token-audience'],
    ['for an audience that ours begins with', { aud: 'https://vault.localhost:844' }, 'token-audience'],
    ['for a list of audiences', { aud: [vault] }, 'token-malformed'],
    ['of another tenant', { tid: '00000000-0000-0000-0000-000000000004' }, 'token-issuer'],
    ['that is expired', { exp: 1_780_315_200 }, 'token-expired'],
    ['that does not expire', { exp: undefined }, 'token-malformed'],
    ['that is not valid yet', { nbf: 1_780_315_200 + 301 }, 'token-not-yet-valid'],
    ['of an unknown principal', { oid: '00000000-0000-0000-0000-000000000005' }, 'principal-gone'],
    [
      'of a principal with another application',
      { appid: '00000000-0000-0000-0000-000000000006' },
      'principal-gone',
    ],
    ['without a principal', { oid: undefined }, 'token-malformed'],
  ])('a token %s', async (_, claims, code) => {
    await expect(authenticate(await resigned(claims))).rejects.toMatchObject({ name: 'DirectoryFault', code })
  })

  it('a token whose tenant is right for its issuer but none of ours', async () => {
    const tid = '00000000-0000-0000-0000-000000000007'
    const jwt = await resigned({ tid, iss: `https://sts.windows.net/${tid}/` })
    await expect(authenticate(jwt)).rejects.toMatchObject({ code: 'token-issuer' })
  })

  it.each(['', '.', '..', 'a.b.c', 'Bearer x', '\0', '{}.{}.{}', 'e30.e30.e30', 'x'.repeat(100_000)])(
    'what is no token: %j',
    async (text) => {
      await expect(authenticate(text)).rejects.toMatchObject({ name: 'DirectoryFault' })
    },
  )

  it('a token once it has expired, though it was admitted before', async () => {
    const jwt = await token()
    await authenticate(jwt)
    now = new Date(now.getTime() + HOUR_MS)
    await expect(authenticate(jwt)).rejects.toMatchObject({ code: 'token-expired' })
  })

  it('a token for another audience, though it was admitted for its own before', async () => {
    const jwt = await token()
    await authenticate(jwt)
    await expect(directory.authenticate(jwt, [management])).rejects.toMatchObject({ code: 'token-audience' })
  })
})

describe('a principal that is deleted', () => {
  async function second() {
    const application = await directory.createApplication({
      tenantId,
      displayName: 'ci',
      isMultiTenant: false,
    })
    const principal = await directory.createServicePrincipal({ tenantId, appId: application.appId })
    const { secret } = await directory.addPassword(tenantId, application.objectId, anyTime)
    return { application, principal, secret, jwt: await token({ clientId: application.appId, secret }) }
  }
  const anyTime = { displayName: null, startsAt: null, endsAt: null }

  it('ends its tokens at once', async () => {
    const { principal, jwt } = await second()
    expect(await authenticate(jwt)).toMatchObject({ principalId: principal.principalId })
    const gone: Guid[] = []
    using _ = directory.watch((id) => gone.push(id))
    await directory.deleteServicePrincipal(tenantId, principal.principalId)
    await expect(authenticate(jwt)).rejects.toMatchObject({ code: 'principal-gone' })
    expect(gone).toEqual([principal.principalId])
  })

  it('does not come back to life when one is made again for the same application', async () => {
    const { application, principal, jwt } = await second()
    await directory.deleteServicePrincipal(tenantId, principal.principalId)
    const again = await directory.createServicePrincipal({ tenantId, appId: application.appId })
    expect(again.principalId).not.toBe(principal.principalId)
    await expect(authenticate(jwt)).rejects.toMatchObject({ code: 'principal-gone' })
    await reopen()
    await expect(authenticate(jwt)).rejects.toMatchObject({ code: 'principal-gone' })
  })

  it('goes with its application, whose secrets are gone too', async () => {
    const { application, secret, jwt } = await second()
    const { passwordId } = directory.signIn({ tenant: tenantId, clientId: application.appId, secret })
    expect(directory.isPasswordInForce(passwordId)).toBe(true)
    await directory.deleteApplication(tenantId, application.objectId)
    await expect(authenticate(jwt)).rejects.toMatchObject({ code: 'principal-gone' })
    expect(directory.isPasswordInForce(passwordId)).toBe(false)
    await expect(token({ clientId: application.appId, secret })).rejects.toMatchObject({
      code: 'application-unknown',
    })
  })

  it('is not signed in while its application stands without it', async () => {
    const { application, principal, secret } = await second()
    await directory.deleteServicePrincipal(tenantId, principal.principalId)
    await expect(token({ clientId: application.appId, secret })).rejects.toMatchObject({
      code: 'principal-missing',
    })
  })

  it('is not the last administrator', async () => {
    const { principal, application } = owner
    const refusal = { name: 'DirectoryObjectFault', code: 'last-administrator' }
    await expect(directory.deleteServicePrincipal(tenantId, principal.principalId)).rejects.toMatchObject(
      refusal,
    )
    await expect(directory.deleteApplication(tenantId, application.objectId)).rejects.toMatchObject(refusal)
  })
})

describe('client secrets', () => {
  const at = (hours: number) => new Date(now.getTime() + hours * HOUR_MS)
  const add = async (startsAt: Date | null, endsAt: Date | null) =>
    await directory.addPassword(tenantId, owner.application.objectId, { displayName: 'n', startsAt, endsAt })

  it('may be several, each good until it is removed', async () => {
    const more = await add(null, null)
    expect(await authenticate(await token({ secret: more.secret }))).toMatchObject({ tenantId })
    expect(await authenticate(await token())).toMatchObject({ tenantId })
    await directory.removePassword(tenantId, owner.application.objectId, more.password.keyId)
    await expect(token({ secret: more.secret })).rejects.toMatchObject({ code: 'secret-wrong' })
    expect(await authenticate(await token())).toMatchObject({ tenantId })
  })

  it('are not taken after their end, nor before their start', async () => {
    const short = await add(null, at(1))
    const later = await add(at(2), at(3))
    await expect(token({ secret: later.secret })).rejects.toMatchObject({ code: 'secret-wrong' })
    now = at(1)
    await expect(token({ secret: short.secret })).rejects.toMatchObject({ code: 'secret-expired' })
    expect(directory.isPasswordInForce(short.password.keyId)).toBe(false)
  })

  it('end after they start', async () => {
    await expect(add(at(2), at(1))).rejects.toMatchObject({ code: 'property-invalid' })
  })
})

describe('managed identities', () => {
  const resourceId = '/subscriptions/s/resourceGroups/rg/providers/Microsoft.ContainerRegistry/registries/r1'
  const create = async () =>
    await directory.createManagedIdentity({ tenantId, resourceId: identityId, displayName: 'id1' })

  it('are one for each resource id, in any letter case, even when asked for twice at once', async () => {
    const [one, two] = await Promise.all([create(), create()])
    const upper = { tenantId, resourceId: identityId.toUpperCase(), displayName: 'x' }
    expect(two).toEqual(one)
    expect(await directory.createManagedIdentity(upper)).toEqual(one)
    expect(await directory.findPrincipal({ resourceId: identityId.toLowerCase() })).toEqual(one)
  })

  it('get a token of a day that names their resource', async () => {
    const { principalId } = await create()
    const issued = await directory.identityToken({ principalId, resource: vault })
    expect(parts(issued.token).body).toMatchObject({ appidacr: '2', xms_mirid: identityId, oid: principalId })
    expect(issued.lifetimeSeconds).toBe(86_399)
    expect(await authenticate(issued.token)).toMatchObject({
      kind: 'managedIdentity',
      identityResourceId: identityId,
      trustedForResource: null,
    })
  })

  it('end with their tokens, and are other ones when their resource is made again', async () => {
    const first = await create()
    const { token: jwt } = await directory.identityToken({ principalId: first.principalId, resource: vault })
    await directory.deleteManagedIdentity(first.principalId)
    await directory.deleteManagedIdentity(first.principalId)
    await expect(authenticate(jwt)).rejects.toMatchObject({ code: 'principal-gone' })
    const again = await create()
    expect(again.principalId).not.toBe(first.principalId)
    await expect(authenticate(jwt)).rejects.toMatchObject({ code: 'principal-gone' })
    const request = { principalId: first.principalId, resource: vault }
    await expect(directory.identityToken(request)).rejects.toMatchObject({ code: 'principal-gone' })
  })

  it('are not changed as service principals, and do not sign in with a secret', async () => {
    const { principalId, appId } = await create()
    await expect(directory.deleteServicePrincipal(tenantId, principalId)).rejects.toMatchObject({
      code: 'managed-identity',
    })
    await expect(token({ clientId: appId })).rejects.toMatchObject({ code: 'application-unknown' })
  })

  it('lend the keyring tokens that are marked for a resource and live no longer than asked', async () => {
    const { principalId } = await create()
    const jwt = await directory.tokenForResource({
      principalId,
      resourceId,
      audience: vault,
      lifetimeMs: 5_000,
    })
    const begun = now
    expect(await authenticate(jwt)).toMatchObject({ trustedForResource: resourceId, principalId })
    now = new Date(begun.getTime() + 4_999)
    expect(await authenticate(jwt)).toMatchObject({ trustedForResource: resourceId })
    now = new Date(begun.getTime() + 5 * SECOND_MS)
    await expect(authenticate(jwt)).rejects.toMatchObject({ code: 'token-expired' })
  })

  it('are the only ones that the keyring gets tokens for', async () => {
    const request = {
      principalId: owner.principal.principalId,
      resourceId,
      audience: vault,
      lifetimeMs: 5_000,
    }
    await expect(directory.tokenForResource(request)).rejects.toMatchObject({ code: 'principal-gone' })
  })
})

describe('a restart', () => {
  it('keeps keys, principals and secrets, so tokens stay good', async () => {
    const jwt = await token()
    const published = directory.publishedKeys()
    await reopen()
    expect(directory.publishedKeys()).toEqual(published)
    expect(await authenticate(jwt)).toMatchObject({ principalId: owner.principal.principalId })
    expect(await authenticate(await token())).toMatchObject({ tenantId })
    expect(directory.listTenants()).toEqual([{ tenantId, displayName: 'Contoso' }])
  })

  it('fails under another record key rather than begin anew', async () => {
    key = RecordKey.generate()
    await expect(reopen()).rejects.toMatchObject({ name: 'SealFault' })
  })
})

describe('the signing key', () => {
  it('may be rotated: the new one signs, tokens under the old one stay good until they expire', async () => {
    const old = await token()
    const [before] = directory.publishedKeys()
    await directory.rotateSigningKey()
    expect(directory.publishedKeys()).toHaveLength(2)
    expect(directory.publishedKeys()[1]).toEqual(before)
    expect(parts(await token()).head['kid']).toBe(directory.publishedKeys()[0]?.kid)
    expect(await authenticate(old)).toMatchObject({ tenantId })
    await reopen()
    expect(await authenticate(old)).toMatchObject({ tenantId })
  })

  it('goes once no token of it can be in force', async () => {
    const [first] = directory.publishedKeys()
    await directory.rotateSigningKey()
    now = new Date(now.getTime() + 2 * DAY_MS)
    await directory.rotateSigningKey()
    expect(directory.publishedKeys()).toHaveLength(2)
    expect(directory.publishedKeys()).not.toContainEqual(first)
  })
})

it('no secret, name or private key is in the database files', async () => {
  const { secret } = await directory.addPassword(tenantId, owner.application.objectId, {
    displayName: 'marked-name',
    startsAt: null,
    endsAt: null,
  })
  await directory.createManagedIdentity({ tenantId, resourceId: identityId, displayName: 'id1' })
  const stored = await directoryRecords(records, key).listApplications(null)
  const verifiers = stored.items.flatMap(({ passwords }) => passwords.map(({ verifier }) => verifier))
  expect(verifiers).toHaveLength(2)
  const marks = [
    secret,
    owner.secret,
    'marked-name',
    'Contoso',
    identityId,
    ...verifiers,
    '"appId"',
    'verifier',
  ]
  let bytes = 0
  for (const name of await readdir(folder)) {
    const file = await readFile(join(folder, name))
    bytes += file.length
    for (const mark of marks) expect(file.includes(mark), `${mark} in ${name}`).toBe(false)
    // The public modulus stands for the whole key: PKCS #8 holds it too.
    for (const { n } of directory.publishedKeys())
      expect(file.includes(Buffer.from(n, 'base64url'))).toBe(false)
  }
  expect(bytes).toBeGreaterThan(10_000)
})
