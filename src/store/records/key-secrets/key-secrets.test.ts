import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { randomHex } from '../../../crypto/random.ts'
import { RecordKey } from '../../../crypto/record-key.ts'
import { generateSealKeyFile, parseSealKeyFile } from '../../../crypto/seal-key.ts'
import { DataFolderError } from '../../data-folder-error.ts'
import { openSqliteRecords, type SqliteRecords } from '../sqlite/sqlite-records.ts'
import { openKeysRecordKey } from './keys-record-key.ts'
import { type KeySecretsRepository, keySecretsRepository } from './key-secrets.ts'
import { keySecretsMigrations } from './migrations.ts'
import type { KeySecretsTables } from './tables.ts'

let folder: string
let records: SqliteRecords<KeySecretsTables>
let secrets: KeySecretsRepository
const sealKey = parseSealKeyFile(generateSealKeyFile())!
const owner = { uid: randomHex(16), resourceId: '/subscriptions/s/r', purpose: 'registry' }

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'key-secrets-'))
  records = await open()
  secrets = keySecretsRepository(records, await openKeysRecordKey(records, sealKey))
})
afterEach(async () => {
  await records.close()
  await rm(folder, { recursive: true })
})
const open = () =>
  openSqliteRecords<KeySecretsTables>({
    file: `${folder}/keys.db`,
    migrations: keySecretsMigrations,
    durability: 'relaxed',
  })
const row = () => records.read.selectFrom('key_secrets').selectAll().executeTakeFirstOrThrow()

describe('openKeysRecordKey()', () => {
  it('makes the key once and opens the same one ever after', async () => {
    const first = await openKeysRecordKey(records, sealKey)
    await records.close()
    records = await open()
    expect((await openKeysRecordKey(records, sealKey)).keyId).toBe(first.keyId)
  })

  it('says that the seal key is the wrong one, and which is the right one', async () => {
    const wrong = parseSealKeyFile(generateSealKeyFile())!
    const opening = openKeysRecordKey(records, wrong)
    await expect(opening).rejects.toBeInstanceOf(DataFolderError)
    await expect(opening).rejects.toThrow(sealKey.id)
  })

  it('tells a damaged key from a wrong seal key', async () => {
    await records.write((transaction) =>
      transaction
        .updateTable('installation_key')
        .set({ wrapped: Buffer.alloc(65) })
        .execute(),
    )
    await expect(openKeysRecordKey(records, sealKey)).rejects.toThrow('damaged')
  })
})

describe('key secrets', () => {
  it('are made once, and are the same after a restart', async () => {
    await secrets.ensure(owner)
    const made = await secrets.find(owner.uid)
    const sealed = made!.serviceRecordKey.seal('c', Buffer.from('x'))
    const mac = made!.macKey.mac('c')
    await secrets.ensure({ ...owner, resourceId: '/other' })
    await records.close()
    records = await open()
    secrets = keySecretsRepository(records, await openKeysRecordKey(records, sealKey))
    const found = await secrets.find(owner.uid)
    expect(found).toMatchObject({
      owner,
      confirmed: 0,
      issued: 0,
      isSettled: false,
      serviceWrappingKey: null,
    })
    expect(found!.serviceRecordKey.open('c', sealed).toString()).toBe('x')
    expect(found!.macKey.verify(mac, 'c')).toBe(true)
  })

  it('never give a number twice, whatever becomes of it', async () => {
    await secrets.ensure(owner)
    expect(await secrets.issue(owner.uid, null)).toBe(1)
    expect(await secrets.issue(owner.uid, null)).toBe(2)
    await secrets.confirm(owner.uid, 2, null)
    await secrets.settle(owner.uid)
    expect(await secrets.issue(owner.uid, null)).toBe(3)
    await secrets.withdraw(owner.uid)
    expect(await secrets.issue(owner.uid, null)).toBe(4)
    expect(await secrets.find(owner.uid)).toMatchObject({ confirmed: 2, issued: 4, isSettled: false })
  })

  it('confirm nothing that was not issued, or is older than what holds', async () => {
    await secrets.ensure(owner)
    await secrets.issue(owner.uid, null)
    await secrets.issue(owner.uid, null)
    await expect(secrets.confirm(owner.uid, 3, null)).rejects.toThrow()
    await secrets.confirm(owner.uid, 2, null)
    await expect(secrets.confirm(owner.uid, 1, null)).rejects.toThrow()
  })

  it('keep a service wrapping key exactly as long as its wrapping', async () => {
    await secrets.ensure(owner)
    const key = RecordKey.generate()
    const generation = await secrets.issue(owner.uid, key)
    await secrets.confirm(owner.uid, generation, null)
    expect((await secrets.find(owner.uid))?.serviceWrappingKey?.keyId).toBe(key.keyId)
    await secrets.withdraw(owner.uid)
    const next = await secrets.issue(owner.uid, null)
    expect((await secrets.find(owner.uid))?.serviceWrappingKey?.keyId).toBe(key.keyId)
    await secrets.confirm(owner.uid, next, 'https://v/keys/k')
    expect(await secrets.find(owner.uid)).toMatchObject({ serviceWrappingKey: null, mustScrub: true })
    await secrets.settle(owner.uid)
    expect(await secrets.find(owner.uid)).toMatchObject({ isSettled: true, mustScrub: false })
    await secrets.issue(owner.uid, RecordKey.generate())
    await secrets.withdraw(owner.uid)
    expect(await secrets.find(owner.uid)).toMatchObject({ serviceWrappingKey: null, mustScrub: true })
  })

  it("do not open as another resource's, nor as one another", async () => {
    const other = { ...owner, uid: randomHex(16) }
    await secrets.ensure(owner)
    await secrets.ensure(other)
    const theirs = await records.read
      .selectFrom('key_secrets')
      .selectAll()
      .where('resource_uid', '=', other.uid)
      .executeTakeFirstOrThrow()
    const set = (columns: object) =>
      records.write((transaction) =>
        transaction.updateTable('key_secrets').set(columns).where('resource_uid', '=', owner.uid).execute(),
      )
    for (const column of ['service_record_key', 'mac_key', 'state'] as const) {
      const mine = await records.read
        .selectFrom('key_secrets')
        .selectAll()
        .where('resource_uid', '=', owner.uid)
        .executeTakeFirstOrThrow()
      await set({ [column]: theirs[column] })
      await expect(secrets.find(owner.uid)).rejects.toMatchObject({ code: 'seal-broken' })
      await set({ [column]: mine[column] })
    }
    const { service_record_key: key } = await records.read
      .selectFrom('key_secrets')
      .selectAll()
      .where('resource_uid', '=', owner.uid)
      .executeTakeFirstOrThrow()
    await set({ service_wrapping_key: key })
    await expect(secrets.find(owner.uid)).rejects.toMatchObject({ code: 'seal-broken' })
  })

  it('hold resource id and purpose sealed', async () => {
    await secrets.ensure({ ...owner, resourceId: '/subscriptions/canary-resource' })
    const files = await Promise.all(
      [`${folder}/keys.db`, `${folder}/keys.db-wal`].map((file) => readFile(file)),
    )
    expect(files.some((file) => file.includes('canary-resource'))).toBe(false)
    expect((await row()).resource_uid).toBe(owner.uid)
  })

  it('are listed in pages: all, those left unsettled, those that follow a key', async () => {
    const owners = Array.from({ length: 5 }, () => ({ ...owner, uid: randomHex(16) })).sort((a, b) =>
      a.uid < b.uid ? -1 : 1,
    )
    for (const one of owners) {
      await secrets.ensure(one)
      await secrets.confirm(
        one.uid,
        await secrets.issue(one.uid, null),
        one === owners[0] ? null : 'https://v/keys/k',
      )
    }
    await secrets.settle(owners[4]!.uid)
    const first = await secrets.listOwners('', 3)
    expect(first).toEqual({ items: owners.slice(0, 3), next: owners[2]!.uid })
    expect(await secrets.listOwners(first.next!, 3)).toEqual({ items: owners.slice(3), next: null })
    expect((await secrets.listUnsettled('', 10)).items).toEqual(owners.slice(0, 4))
    expect((await secrets.listFollowing('https://v/keys/k', '', 10)).items).toEqual(owners.slice(1))
    expect((await secrets.listFollowing('https://v/keys/other', '', 10)).items).toEqual([])
    expect((await secrets.listFollowing(null, owners[1]!.uid, 10)).items).toEqual(owners.slice(2))
  })

  it('are gone when removed', async () => {
    await secrets.ensure(owner)
    await secrets.remove(owner.uid)
    await secrets.remove(owner.uid)
    expect(await secrets.find(owner.uid)).toBeNull()
    await expect(secrets.issue(owner.uid, null)).rejects.toThrow()
  })
})
