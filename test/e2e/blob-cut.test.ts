import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { Readable } from 'node:stream'
import type { ContainerClient } from '@azure/storage-blob'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { azKeys } from '../support/az-keys.ts'
import { type BlobCaller, accountKey, accountSas, blobUrl, keyCaller } from '../support/blob-callers.ts'
import { TEXT, outcome } from '../support/blob-operations.ts'
import { serviceKeyPermissions, setPolicy } from '../support/cmk.ts'
import { BOUND_MS } from '../support/refusal.ts'
import { GROUP, type Site, openSite } from '../support/site.ts'
import { type EncryptedAccount, makeEncryptedAccount, makePlainAccount } from '../support/storage-account.ts'
import { words } from '../support/words.ts'

const MIB = 1024 * 1024
/** More than the sockets of both ends together ever hold: a client that reads nothing holds such an answer up. */
const UNBUFFERED = 64 * MIB
const NOT_FOUND = 'KeyVaultEncryptionKeyNotFound'

describe('what taking the key away cuts off, and what it does not', () => {
  let site: Site
  let account: EncryptedAccount
  let owner: BlobCaller
  let box: ContainerClient

  beforeAll(async () => {
    site = await openSite()
    account = await makeEncryptedAccount(site, 'cutoff', { allowBlobPublicAccess: true })
    owner = await keyCaller(site, account.name)
    box = owner.service.getContainerClient('box')
    await box.create()
    await box.getBlockBlobClient('kept').upload(TEXT, TEXT.length)
  })
  afterAll(() => site[Symbol.asyncDispose]())

  async function setEnabled(enabled: boolean, { vault, keyId }: EncryptedAccount = account): Promise<void> {
    const version = keyId.split('/').at(-1) ?? ''
    await site.sdk.keys(vault).updateKeyProperties('key1', version, { enabled })
    if (!enabled) await untilRefused()
  }

  /** The push comes within milliseconds of the vault's answer, not before it. */
  async function untilRefused(): Promise<void> {
    const deadline = performance.now() + BOUND_MS
    while ((await outcome(box.getBlobClient('kept').getProperties())) === 'done')
      if (performance.now() > deadline) throw new Error('still served after the bound')
  }

  /** With the key away; it is given back whatever comes of it. */
  async function without<T>(work: () => Promise<T>): Promise<T> {
    await setEnabled(false)
    try {
      return await work()
    } finally {
      await setEnabled(true)
    }
  }

  it('B49 the key is revoked with az, and given back', async () => {
    const az = await site.az()
    const keys = azKeys(az, site.server.port)
    const show = words`storage blob show -c box -n kept --query properties.contentLength`
    const by = words`--account-name ${account.name} --sas-token ${accountSas(await accountKey(site, account.name)).toString()}`
    expect(await az(...show, ...by)).toBe(TEXT.length)
    await keys.setEnabled(account.keyId, false)
    expect(await az.fails(...show, ...by)).toContain(NOT_FOUND)
    await keys.setEnabled(account.keyId, true)
    expect(await az(...show, ...by)).toBe(TEXT.length)
  })

  it('the refusal is told in Azure’s form, with the cause; to the public, without', async () => {
    const signature = accountSas(await accountKey(site, account.name)).toString()
    const open = owner.service.getContainerClient('open')
    await open.create({ access: 'blob' })
    await open.getBlockBlobClient('kept').upload(TEXT, TEXT.length)
    const url = `${blobUrl(site, account.name)}/open/kept`
    const read = async (query: string) => {
      const answer = await fetch(`${url}${query}`, { headers: { 'x-ms-version': '2021-12-02' } })
      return { answer, text: Buffer.from(await answer.arrayBuffer()).toString() }
    }
    const [signed, unsigned] = await without(() => Promise.all([read(`?${signature}`), read('')]))
    for (const { answer, text } of [signed, unsigned]) {
      expect(answer.status).toBe(403)
      expect(answer.headers.get('content-type')).toBe('application/xml')
      expect(answer.headers.get('x-ms-error-code')).toBe(NOT_FOUND)
      expect(answer.headers.get('x-ms-request-id')).toMatch(/^[0-9a-f-]{36}$/)
      expect(text).toMatch(
        /^\ufeff<\?xml version="1.0" encoding="utf-8"\?><Error><Code>KeyVaultEncryptionKeyNotFound</,
      )
      expect(text).toContain(
        '<Message>The key vault key is not found to unwrap the encryption key.\nRequestId:',
      )
    }
    const told = ['key-disabled', account.keyId, account.identity.clientId]
    expect(told.filter((word) => signed.text.includes(word))).toEqual(told)
    expect(told.filter((word) => unsigned.text.includes(word))).toEqual([])
  })

  it('a download under way is cut, and what comes is not all of it', async () => {
    const blob = box.getBlockBlobClient('long')
    await blob.upload(randomBytes(UNBUFFERED), UNBUFFERED)
    const { readableStreamBody } = await blob.download(0, undefined, { maxRetryRequests: 0 })
    const body = readableStreamBody as Readable
    await once(body, 'readable')
    await setEnabled(false)
    let received = 0
    const end = await new Promise<string>((resolve) => {
      body.on('data', (chunk: Buffer) => (received += chunk.length))
      body.once('end', () => resolve('whole')).once('error', () => resolve('cut'))
    })
    expect(end).toBe('cut')
    expect(received).toBeLessThan(UNBUFFERED)
    await setEnabled(true)
  })

  it('an upload under way commits nothing', async () => {
    const blob = box.getBlockBlobClient('half')
    const { promise: gone, resolve: goOn } = Promise.withResolvers<undefined>()
    const { promise: begun, resolve: begin } = Promise.withResolvers<undefined>()
    const body = async function* () {
      yield randomBytes(4 * MIB)
      begin(undefined)
      await gone
      yield randomBytes(4 * MIB)
    }
    const uploading = blob
      .upload(() => Readable.from(body()), 8 * MIB)
      .then(
        () => 'done',
        () => 'refused',
      )
    await begun
    const came = await without(async () => {
      goOn(undefined)
      return await uploading
    })
    expect(came).toBe('refused')
    expect(await blob.exists()).toBe(false)
  })

  it('who may do nothing hears nothing of the key', async () => {
    const anonymous = new URL('box/kept', `${blobUrl(site, account.name)}/`)
    const refusal = await without(async () => await (await fetch(anonymous)).text())
    expect(refusal).toContain('<Error>')
    expect(refusal).not.toContain('KeyVault')
  })

  it('what a key of the client’s own seals is refused as well', async () => {
    const raw = randomBytes(32)
    const customerProvidedKey = {
      encryptionAlgorithm: 'AES256',
      encryptionKey: raw.toString('base64'),
      encryptionKeySha256: createHash('sha256').update(raw).digest('base64'),
    } as const
    const blob = box.getBlockBlobClient('own-key')
    await blob.upload(TEXT, TEXT.length, { customerProvidedKey })
    const read = () => outcome(blob.getProperties({ customerProvidedKey }))
    expect(await read()).toBe('done')
    expect(await without(read)).toBe(`403 ${NOT_FOUND}`)
    expect(await read()).toBe('done')
  })

  it('a scope under another key is cut off on its own, and the account without it', async () => {
    const other = await makeEncryptedAccount(site, 'scopekey')
    const { encryptionScopes } = site.sdk.storage
    // The account's identity has to be permitted at the other vault.
    await setPolicy(site, other.vault, account.identity.principalId, serviceKeyPermissions)
    const keyUri = other.keyId.replace(/\/[^/]*$/, '')
    await encryptionScopes.put(GROUP, account.name, 'scope1', {
      source: 'Microsoft.KeyVault',
      keyVaultProperties: { keyUri },
    })
    const scoped = box.getBlockBlobClient('scoped')
    await scoped.upload(TEXT, TEXT.length, { encryptionScope: 'scope1' })
    const both = async () => [
      await outcome(scoped.getProperties()),
      await outcome(box.getBlobClient('kept').getProperties()),
    ]
    expect(await without(both)).toEqual(['done', `403 ${NOT_FOUND}`])
    const version = other.keyId.split('/').at(-1) ?? ''
    await site.sdk.keys(other.vault).updateKeyProperties('key1', version, { enabled: false })
    await expect.poll(() => outcome(scoped.getProperties())).toBe(`403 ${NOT_FOUND}`)
    expect((await both())[1]).toBe('done')
  })

  it('holds and policies are set and taken away without the key', async () => {
    const { blobServices, blobContainers } = site.sdk.storage
    await makeEncryptedAccount(site, 'held')
    await blobServices.setServiceProperties(GROUP, 'held', { isVersioningEnabled: true })
    await blobContainers.create(GROUP, 'held', 'box', { immutableStorageWithVersioning: { enabled: true } })
    const held = (await keyCaller(site, 'held')).service.getContainerClient('box').getBlockBlobClient('kept')
    await held.upload(TEXT, TEXT.length)
    await (await site.sdk.keys('kv-held').beginDeleteKey('key1')).pollUntilDone()
    await expect.poll(() => outcome(held.getProperties())).toBe(`403 ${NOT_FOUND}`)
    const expiriesOn = new Date(Date.now() + 3_600_000)
    await held.setImmutabilityPolicy({ policyMode: 'Unlocked', expiriesOn })
    await held.setLegalHold(true)
    expect(await outcome(held.delete())).toBe('409 BlobImmutableDueToLegalHold')
    await held.setLegalHold(false)
    await held.deleteImmutabilityPolicy()
    await held.delete()
  })

  it('in a batch each request is refused or goes on by itself', async () => {
    const batches = owner.service.getBlobBatchClient()
    const [kept, doomed] = ['kept', 'doomed'].map((name) => box.getBlockBlobClient(name))
    if (kept === undefined || doomed === undefined) throw new Error('two blobs')
    await doomed.upload(TEXT, TEXT.length)
    await without(async () => {
      const tiers = await batches.setBlobsAccessTier([kept, doomed], 'Cool')
      const answers = tiers.subResponses.map(({ status, errorCode }) => `${status} ${errorCode ?? ''}`)
      expect(answers).toEqual([`403 ${NOT_FOUND}`, `403 ${NOT_FOUND}`])
      const deletions = await batches.deleteBlobs([doomed])
      expect(deletions.subResponses.map(({ status }) => status)).toEqual([202])
    })
  })

  it('nothing is copied out of an account whose key is away', async () => {
    await makePlainAccount(site, 'elsewhere')
    const target = (await keyCaller(site, 'elsewhere')).service.getContainerClient('box')
    await target.create()
    const signature = accountSas(await accountKey(site, account.name)).toString()
    const source = `${box.getBlobClient('kept').url}?${signature}`
    const copies = {
      copy: async () => (await target.getBlobClient('a').beginCopyFromURL(source)).pollUntilDone(),
      now: () => target.getBlobClient('b').syncCopyFromURL(source),
      put: () => target.getBlockBlobClient('c').syncUploadFromURL(source),
      block: () => target.getBlockBlobClient('d').stageBlockFromURL('MQ==', source),
    }
    await copies.now()
    const came = await without(async () => Promise.all(Object.values(copies).map((copy) => outcome(copy()))))
    expect(came.filter((one) => one === 'done')).toEqual([])
    for (const one of came) expect(one).toMatch(/^403 /)
  })
})
