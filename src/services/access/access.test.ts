import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { RecordKey } from '../../crypto/record-key.ts'
import { randomGuid } from '../../crypto/random.ts'
import { systemClock } from '../../kernel/clock.ts'
import type { Guid } from '../../kernel/guid.ts'
import { assignmentRecords } from '../../store/records/access/assignments.ts'
import { directoryRecords } from '../../store/records/directory/directory-objects.ts'
import { type KeysDb, keysMigrations } from '../../store/records/keys-db.ts'
import { type SqliteRecords, openSqliteRecords } from '../../store/records/sqlite/sqlite-records.ts'
import type { Caller } from '../directory/caller.ts'
import type { DirectoryService } from '../directory/directory-service.ts'
import { openDirectory } from '../directory/open-directory.ts'
import type { AccessService, NewAssignment } from './access-service.ts'
import { OWNER_ROLE, builtInRoles } from './built-in-roles.ts'
import { openAccess } from './open-access.ts'

const subscription = '/subscriptions/5a2e0c11-6f3c-4a53-9c7e-2f4f1e0a7c01'
const group = `${subscription}/resourceGroups/rg1`
const vault = `${group}/providers/Microsoft.KeyVault/vaults/kv1`
const pull = 'Microsoft.ContainerRegistry/registries/pull/read'

let folder: string
let key: RecordKey
let records: SqliteRecords<KeysDb>
let directory: DirectoryService
let access: AccessService
let tenantId: Guid
let owner: Caller
let guest: Caller

async function open(): Promise<void> {
  const file = join(folder, 'keys.db')
  records = await openSqliteRecords<KeysDb>({ file, migrations: keysMigrations, durability: 'relaxed' })
  directory = await openDirectory({
    records: directoryRecords(records, key),
    clock: systemClock,
    endpoints: { domain: 'localhost', port: 443 },
  })
  access = await openAccess({
    records: assignmentRecords(records, key),
    principals: directory,
    clock: systemClock,
  })
}

async function newCaller(displayName: string, tenant = tenantId): Promise<Caller> {
  const endsAt = new Date(Date.now() + 3_600_000)
  const { application, secret } = await directory.createAdministrator({
    tenantId: tenant,
    displayName,
    endsAt,
  })
  const resource = 'https://management.localhost'
  const credentials = { tenant, clientId: application.appId, secret, resource }
  const { token } = await directory.clientCredentials(credentials)
  return await directory.authenticate(token, [resource])
}

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'access-'))
  key = RecordKey.generate()
  await open()
  tenantId = (await directory.createTenant({ displayName: 'Contoso' })).tenantId
  owner = await newCaller('owner')
  guest = await newCaller('guest')
  await access.grant({ scope: subscription, roleId: OWNER_ROLE, principalId: owner.principalId })
})
afterEach(async () => {
  await records.close()
  await rm(folder, { recursive: true })
})

function role(name: string): Guid {
  const found = builtInRoles.find(({ roleName }) => roleName === name)
  if (found === undefined) throw new Error(name)
  return found.roleId
}
function assignment(roleName: string, scope: string, more: Partial<NewAssignment> = {}): NewAssignment {
  const principalId = guest.principalId
  return { name: randomGuid(), scope, roleId: role(roleName), principalId, description: null, ...more }
}
const assign = async (roleName: string, scope: string, more: Partial<NewAssignment> = {}) =>
  (await access.createAssignment(owner, assignment(roleName, scope, more))).assignment
const mayPull = async (scope: string) => await access.allows(guest.principalId, pull, scope)

describe('a decision', () => {
  it('is no for who has no role', async () => {
    expect(await mayPull(vault)).toBe(false)
    expect(await access.allowsData(guest.principalId, 'Microsoft.KeyVault/vaults/keys/read', vault)).toBe(
      false,
    )
    await expect(access.authorize(guest, pull, vault)).rejects.toMatchObject({
      name: 'AccessFault',
      code: 'denied',
      facts: { principalId: guest.principalId, action: pull, scope: vault },
    })
  })

  it('holds at the scope and below it, in any letter case, and nowhere else', async () => {
    await assign('AcrPull', group)
    const inside = [group, `${group}/`, vault, vault.toUpperCase(), `${group}/providers/a/b/c/d/e`]
    const outside = [
      subscription,
      `${group}0`,
      `${group}0/providers/x`,
      group.slice(0, -1),
      '/',
      '',
      `/x${group}`,
    ]
    for (const scope of inside) expect(await mayPull(scope), scope).toBe(true)
    for (const scope of outside) expect(await mayPull(scope), scope).toBe(false)
  })

  it('holds everywhere from the root', async () => {
    await access.grant({ scope: '/', roleId: role('AcrPull'), principalId: guest.principalId })
    for (const scope of ['/', subscription, vault]) expect(await mayPull(scope)).toBe(true)
  })

  it('keeps data actions apart from actions', async () => {
    await assign('Key Vault Crypto Service Encryption User', `${vault}/keys/k1`)
    const unwrap = 'Microsoft.KeyVault/vaults/keys/unwrap/action'
    const { principalId } = guest
    expect(await access.allowsData(principalId, unwrap, `${vault}/keys/k1`)).toBe(true)
    expect(await access.allowsData(principalId, unwrap, `${vault}/keys/k1/versions/1`)).toBe(true)
    expect(await access.allowsData(principalId, unwrap, `${vault}/keys/k11`)).toBe(false)
    expect(await access.allowsData(principalId, unwrap, vault)).toBe(false)
    expect(await access.allows(principalId, unwrap, `${vault}/keys/k1`)).toBe(false)
    expect(await access.allowsData(owner.principalId, unwrap, vault)).toBe(false)
  })

  it('may be had all at once, as of now: nothing of who is gone', async () => {
    const unwrap = 'Microsoft.KeyVault/vaults/keys/unwrap/action'
    const { name } = await assign('Key Vault Crypto Service Encryption User', vault)
    const rights = await access.rightsAt(guest.principalId, `${vault}/keys/k1`)
    expect([rights.allowsData(unwrap), rights.allows(unwrap), rights.allowsData('x/read')]).toEqual([
      true,
      false,
      false,
    ])
    expect((await access.rightsAt(guest.principalId, group)).allowsData(unwrap)).toBe(false)
    await access.deleteAssignment(owner, vault, name)
    expect((await access.rightsAt(guest.principalId, vault)).allowsData(unwrap)).toBe(false)

    await assign('Key Vault Crypto Service Encryption User', vault)
    await directory.deleteServicePrincipal(tenantId, guest.principalId)
    expect((await access.rightsAt(guest.principalId, vault)).allowsData(unwrap)).toBe(false)
  })

  it('takes from another role what notActions of one keep back', async () => {
    const write = 'Microsoft.Authorization/roleAssignments/write'
    await assign('Contributor', group)
    expect(await access.allows(guest.principalId, write, group)).toBe(false)
    await assign('User Access Administrator', vault)
    expect(await access.allows(guest.principalId, write, vault)).toBe(true)
    expect(await access.allows(guest.principalId, write, group)).toBe(false)
  })

  it('changes with the assignment, at once and after a restart', async () => {
    const { name } = await assign('AcrPull', group)
    expect(await mayPull(vault)).toBe(true)
    await records.close()
    await open()
    expect(await mayPull(vault)).toBe(true)
    await access.deleteAssignment(owner, group, name)
    expect(await mayPull(vault)).toBe(false)
    await records.close()
    await open()
    expect(await mayPull(vault)).toBe(false)
  })
})

describe('createAssignment()', () => {
  it('is idempotent by name', async () => {
    const request = assignment('Reader', group)
    const first = await access.createAssignment(owner, request)
    const again = await access.createAssignment(owner, { ...request, scope: `${group.toUpperCase()}/` })
    expect([first.isNew, again.isNew]).toEqual([true, false])
    expect(again.assignment).toEqual(first.assignment)
    expect(first.assignment).toMatchObject({ scope: group, createdBy: owner.principalId })
  })

  it('refuses the same triple under another name, also when both come at once', async () => {
    const both = [assignment('Reader', group), assignment('Reader', group.toLowerCase())]
    const results = await Promise.allSettled(
      both.map(async (each) => await access.createAssignment(owner, each)),
    )
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
    expect(results[1]).toMatchObject({
      reason: { code: 'assignment-exists', facts: { name: both[0]?.name } },
    })
  })

  it('does not change what an assignment says', async () => {
    const { name } = await assign('Reader', group)
    for (const other of [assignment('Owner', group, { name }), assignment('Reader', vault, { name })]) {
      await expect(access.createAssignment(owner, other)).rejects.toMatchObject({ code: 'assignment-fixed' })
    }
    const forOwner = assignment('Reader', group, { name, principalId: owner.principalId })
    await expect(access.createAssignment(owner, forOwner)).rejects.toMatchObject({ code: 'assignment-fixed' })
  })

  it.each([
    ['an unknown role', { roleId: '00000000-0000-0000-0000-000000000001' as Guid }, 'role-unknown'],
    [
      'an unknown principal',
      { principalId: '00000000-0000-0000-0000-000000000002' as Guid },
      'principal-unknown',
    ],
  ])('refuses %s', async (_, more, code) => {
    await expect(access.createAssignment(owner, assignment('Reader', group, more))).rejects.toMatchObject({
      code,
    })
  })

  it('refuses a principal of another tenant', async () => {
    const other = await directory.createTenant({ displayName: 'Fabrikam' })
    const { principalId } = await newCaller('stranger', other.tenantId)
    const request = assignment('Reader', group, { principalId })
    await expect(access.createAssignment(owner, request)).rejects.toMatchObject({ code: 'principal-unknown' })
  })

  it('needs the right to write assignments at that scope', async () => {
    await assign('Contributor', subscription)
    await expect(access.createAssignment(guest, assignment('Reader', group))).rejects.toMatchObject({
      code: 'denied',
    })
    await assign('User Access Administrator', vault)
    await expect(access.createAssignment(guest, assignment('Reader', group))).rejects.toMatchObject({
      code: 'denied',
    })
    expect(await access.createAssignment(guest, assignment('Reader', vault))).toMatchObject({ isNew: true })
  })

  it('lets a Key Vault Data Access Administrator assign the roles for vault data and no other', async () => {
    await assign('Key Vault Data Access Administrator', vault)
    const crypto = assignment('Key Vault Crypto User', vault)
    expect(await access.createAssignment(guest, crypto)).toMatchObject({ isNew: true })
    for (const name of ['Owner', 'Key Vault Contributor', 'Key Vault Data Access Administrator']) {
      const request = assignment(name, vault)
      await expect(access.createAssignment(guest, request), name).rejects.toMatchObject({ code: 'denied' })
    }
    const reader = await assign('Reader', vault)
    await expect(access.deleteAssignment(guest, vault, reader.name)).rejects.toMatchObject({ code: 'denied' })
    expect(await access.deleteAssignment(guest, vault, crypto.name)).toMatchObject({ name: crypto.name })
  })
})

describe('deleteAssignment()', () => {
  it('finds nothing at another scope, and tells who may not delete nothing', async () => {
    const { name } = await assign('Reader', group)
    expect(await access.deleteAssignment(owner, vault, name)).toBeNull()
    await expect(access.deleteAssignment(guest, group, name)).rejects.toMatchObject({ code: 'denied' })
    await expect(access.deleteAssignment(guest, group, randomGuid())).rejects.toMatchObject({
      code: 'denied',
    })
    expect(access.getAssignment(group, name)).toMatchObject({ name })
    expect(() => access.getAssignment(vault, name)).toThrow('assignment-not-found')
  })
})

it('listAssignments() knows at the scope, above and below', async () => {
  const made = [
    await assign('AcrPull', subscription),
    await assign('Reader', group),
    await assign('Reader', vault),
  ]
  const names = (scope: string, isAtScopeOnly: boolean) =>
    made.map(({ name }) =>
      access
        .listAssignments({ scope, isAtScopeOnly, principalId: guest.principalId })
        .some((each) => each.name === name),
    )
  expect(names(group, true)).toEqual([true, true, false])
  expect(names(group, false)).toEqual([true, true, true])
  expect(names(`${group}0`, false)).toEqual([true, false, false])
  expect(access.listAssignments({ scope: group, isAtScopeOnly: false, principalId: null })).toHaveLength(4)
})

it('forgetScope() drops what is at and below the scope', async () => {
  await assign('AcrPull', subscription)
  await assign('Reader', group)
  await assign('Reader', vault)
  await assign('Reader', `${group}0`)
  await access.forgetScope(group.toUpperCase())
  const left = access.listAssignments({ scope: '/', isAtScopeOnly: false, principalId: guest.principalId })
  expect(left.map(({ scope }) => scope).sort()).toEqual([subscription, `${group}0`])
})

it('watch() tells of a change when it is in force, until it is disposed', async () => {
  const seen: unknown[] = []
  {
    using _ = access.watch(({ principalId }) => {
      seen.push([
        principalId,
        access.listAssignments({ scope: group, isAtScopeOnly: true, principalId }).length,
      ])
    })
    const { name } = await assign('Reader', group)
    await access.deleteAssignment(owner, group, name)
  }
  await assign('Reader', group)
  expect(seen).toEqual([
    [guest.principalId, 1],
    [guest.principalId, 0],
  ])
})

it('a principal that is gone is allowed nothing, though its assignments stay', async () => {
  await assign('Owner', group)
  expect(await access.allows(guest.principalId, pull, group)).toBe(true)
  await directory.deleteServicePrincipal(tenantId, guest.principalId)
  expect(await access.allows(guest.principalId, pull, group)).toBe(false)
  await expect(access.authorize(guest, pull, group)).rejects.toMatchObject({ code: 'denied' })
  expect(
    access.listAssignments({ scope: group, isAtScopeOnly: true, principalId: guest.principalId }),
  ).toHaveLength(1)
})

it('a grant written into the file by somebody without the key stops the start', async () => {
  const { name } = await assign('Reader', group)
  for (const file of await readdir(folder)) {
    const bytes = await readFile(join(folder, file))
    for (const mark of [role('Reader'), 'resourceGroups']) expect(bytes.includes(mark)).toBe(false)
  }
  await records.write(async (transaction) => {
    const other = { name: randomGuid() }
    await transaction.updateTable('access_assignments').set(other).where('name', '=', name).execute()
  })
  await records.close()
  await expect(open()).rejects.toMatchObject({ name: 'SealFault' })
})
