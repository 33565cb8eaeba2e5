import { createHash, randomBytes, randomUUID } from 'node:crypto'
import {
  AccountSASPermissions,
  AnonymousCredential,
  BlobClient,
  BlobSASPermissions,
  BlobServiceClient,
  type ContainerClient,
  type SASQueryParameters,
  StorageSharedKeyCredential,
  generateAccountSASQueryParameters,
  generateBlobSASQueryParameters,
} from '@azure/storage-blob'
import type { JsonObject } from '../../src/kernel/json.ts'
import { type Estate, newKeyVersion } from '../support/estate.ts'
import { outcome } from '../support/blob-operations.ts'
import { type Rest, text } from '../support/rest.ts'
import { trustCa } from '../support/trust.ts'
import type { Marks } from './journey.ts'

const KIB = 1024
const ACCOUNT = 'canaryblobs'
const STORAGE_API = { apiVersion: '2023-05-01' }
const once = { retryOptions: { maxTries: 1 } }

/** All that goes into blobs under a customer's key, and what opens them. Names are in clear, and bear no mark. */
export async function blobJourney(rest: Rest, estate: Estate, marks: Marks): Promise<void> {
  await trustCa(rest.server.caFile)
  const path = await makeAccount(rest, estate)
  const key = await takeKeys(rest, path, marks)
  const service = new BlobServiceClient(blobUrl(rest), key, once)
  const box = service.getContainerClient('box')
  await box.create({ metadata: { note: marks.text('container-metadata') } })
  await writeMarked(box, marks)
  await changeMarked(box, marks)
  await useOwnKey(box, marks)
  await useSignatures(rest, { box, key }, marks)
  await failMarkedBlobs(rest, { box, key }, marks)
  await takeKeyAway(rest, estate, box)
}

async function makeAccount(rest: Rest, estate: Estate): Promise<string> {
  const path = `/resourceGroups/${estate.group}/providers/Microsoft.Storage/storageAccounts/${ACCOUNT}`
  const keyvaulturi = `https://${estate.vault}.vault.localhost:${rest.server.port}/`
  const body: JsonObject = {
    location: 'eastus',
    kind: 'StorageV2',
    sku: { name: 'Standard_LRS' },
    identity: { type: 'UserAssigned', userAssignedIdentities: { [estate.identity.id]: {} } },
    properties: {
      encryption: {
        keySource: 'Microsoft.Keyvault',
        identity: { userAssignedIdentity: estate.identity.id },
        keyvaultproperties: { keyname: estate.keyName, keyvaulturi },
      },
    },
  }
  await rest.armDone('PUT', path, body, STORAGE_API)
  return path
}

/** Both keys, and one that takes the place of the second. */
async function takeKeys(rest: Rest, path: string, marks: Marks): Promise<StorageSharedKeyCredential> {
  const listed = await rest.armDone('POST', `${path}/listKeys`, {}, STORAGE_API)
  const again = await rest.armDone('POST', `${path}/regenerateKey`, { keyName: 'key2' }, STORAGE_API)
  const keysOf = ({ keys }: JsonObject) => (keys as readonly JsonObject[]).map(({ value }) => text(value))
  for (const [at, value] of [...keysOf(listed), ...keysOf(again)].entries())
    marks.secrets.push({ name: `account key ${at}`, bytes: Buffer.from(value, 'base64') })
  return new StorageSharedKeyCredential(ACCOUNT, keysOf(again)[0] ?? '')
}

/** Of each kind and size: within a row, in a file, of blocks, staged only, appended, of pages. */
async function writeMarked(box: ContainerClient, marks: Marks): Promise<void> {
  const small = Buffer.from(marks.text('small-blob'))
  const inlined = marked(marks, 'inlined-blob', 16 * KIB)
  const filed = marked(marks, 'filed-blob', 200 * KIB)
  const described = {
    metadata: {
      [marks.add('metadata name', `canary${randomBytes(12).toString('hex')}`)]: marks.text('metadata'),
    },
    tags: { [marks.text('tag-name')]: marks.text('tag') },
    blobHTTPHeaders: {
      blobContentType: `text/${marks.text('content-type')}`,
      blobContentDisposition: marks.text('disposition'),
      blobContentLanguage: marks.text('language'),
      blobCacheControl: marks.text('cache-control'),
    },
  }
  await box.getBlockBlobClient('small').upload(small, small.length, described)
  await box.getBlockBlobClient('inlined').upload(inlined, inlined.length)
  await box.getBlockBlobClient('filed').upload(filed, filed.length, described)
  const blocks = box.getBlockBlobClient('blocks')
  for (const at of ['1', '2', '3']) {
    const block = marked(marks, `block-${at}`, at === '1' ? KIB : 100 * KIB)
    await blocks.stageBlock(Buffer.from(at).toString('base64'), block, block.length)
  }
  // The third is never committed.
  await blocks.commitBlockList(['MQ==', 'Mg=='], described)
  const append = box.getAppendBlobClient('append')
  await append.create(described)
  const appended = marked(marks, 'appended', 50 * KIB)
  await append.appendBlock(appended, appended.length)
  const page = marked(marks, 'page', 64 * KIB)
  await box.getPageBlobClient('pages').create(page.length, described)
  await box.getPageBlobClient('pages').uploadPages(page, 0, page.length)
}

/** What was there before must not stay either. */
async function changeMarked(box: ContainerClient, marks: Marks): Promise<void> {
  const filed = box.getBlockBlobClient('filed')
  await filed.createSnapshot({ metadata: { note: marks.text('snapshot-metadata') } })
  await filed.setMetadata({ note: marks.text('next-metadata') })
  await filed.setTags({ note: marks.text('next-tag') })
  await filed.setHTTPHeaders({ blobContentType: marks.text('next-type') })
  await box.findBlobsByTags(`note = '${marks.text('searched-tag')}'`).next()
  const gone = box.getBlockBlobClient('gone')
  const deleted = marked(marks, 'deleted-blob', 40 * KIB)
  await gone.upload(deleted, deleted.length, { metadata: { note: marks.text('deleted-metadata') } })
  await gone.delete()
  await (await box.getBlobClient('copy').beginCopyFromURL(filed.url, { intervalInMs: 20 })).pollUntilDone()
  await box.getBlobClient('small').downloadToBuffer()
}

async function useOwnKey(box: ContainerClient, marks: Marks): Promise<void> {
  for (const name of ['own-key', 'wrong-key']) {
    const raw = randomBytes(32)
    const hash = createHash('sha256').update(raw).digest()
    marks.secrets.push({ name: `the client's ${name}`, bytes: raw })
    marks.digests.push({ name: `digest of the client's ${name}`, bytes: hash })
    const customerProvidedKey = {
      encryptionAlgorithm: 'AES256',
      encryptionKey: raw.toString('base64'),
      encryptionKeySha256: hash.toString('base64'),
    } as const
    const blob = box.getBlockBlobClient('sealed-by-client')
    if (name === 'wrong-key') {
      await outcome(blob.getProperties({ customerProvidedKey }))
      continue
    }
    const bytes = marked(marks, 'under-the-clients-key', 30 * KIB)
    const metadata = { note: marks.text('metadata-under-the-clients-key') }
    await blob.upload(bytes, bytes.length, { customerProvidedKey, metadata })
    await blob.downloadToBuffer(0, undefined, { customerProvidedKey })
  }
}

interface At {
  readonly box: ContainerClient
  readonly key: StorageSharedKeyCredential
}

/** Of the account, of a blob, and by a user delegation key; and one in the URL of a copy's source. */
async function useSignatures(rest: Rest, { box, key }: At, marks: Marks): Promise<void> {
  const expiresOn = new Date(Date.now() + 3_600_000)
  const permissions = BlobSASPermissions.parse('rt')
  const ofBlob = { containerName: 'box', blobName: 'filed', permissions, expiresOn }
  const ofAccount = {
    services: 'b',
    resourceTypes: 'sco',
    permissions: AccountSASPermissions.parse('rl'),
    expiresOn,
  }
  const signatures: readonly SASQueryParameters[] = [
    generateAccountSASQueryParameters(ofAccount, key),
    generateBlobSASQueryParameters(ofBlob, key),
  ]
  const url = box.getBlobClient('filed').url
  for (const signature of signatures) {
    noteSignature('signature', signature, marks)
    await new BlobServiceClient(`${blobUrl(rest)}?${signature.toString()}`)
      .getContainerClient('box')
      .getBlobClient('filed')
      .download()
    await box.getBlockBlobClient('from-url').syncUploadFromURL(`${url}?${signature.toString()}`)
  }
  await useDelegation(rest, ofBlob, marks)
}

/** A token, the key that it brings, and what that key signs. */
async function useDelegation(
  rest: Rest,
  ofBlob: Parameters<typeof generateBlobSASQueryParameters>[0],
  marks: Marks,
): Promise<void> {
  const token = await rest.token('https://storage.azure.com')
  marks.token('token for storage', token)
  await makeDataOwner(rest, token)
  const credential = { getToken: async () => ({ token, expiresOnTimestamp: Date.now() + 3_600_000 }) }
  const service = new BlobServiceClient(blobUrl(rest), credential, once)
  const key = await service.getUserDelegationKey(
    new Date(Date.now() - 60_000),
    new Date(Date.now() + 3_600_000),
  )
  marks.secrets.push({ name: 'user delegation key', bytes: Buffer.from(key.value, 'base64') })
  const signature = generateBlobSASQueryParameters(ofBlob, key, ACCOUNT)
  noteSignature('signature by delegation', signature, marks)
  const box = service.getContainerClient('box')
  const source = box.getBlobClient('filed').url
  await new BlobClient(`${source}?${signature.toString()}`, new AnonymousCredential(), once).download()
  const sourceAuthorization = { scheme: 'Bearer', value: token }
  await box.getBlockBlobClient('by-token').syncUploadFromURL(source, { sourceAuthorization })
}

async function makeDataOwner(rest: Rest, token: string): Promise<void> {
  const claims = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()) as JsonObject
  const role = 'b7e6dc6d-f1e8-4753-8033-0f276bb0955b'
  await rest.armDone('PUT', `/providers/Microsoft.Authorization/roleAssignments/${randomUUID()}`, {
    properties: {
      principalId: text(claims['oid']),
      principalType: 'ServicePrincipal',
      roleDefinitionId: `${rest.subscription}/providers/Microsoft.Authorization/roleDefinitions/${role}`,
    },
  })
}

/** Refused requests, whose words could end up in a log. */
async function failMarkedBlobs(rest: Rest, { box, key }: At, marks: Marks): Promise<void> {
  const wrong = new StorageSharedKeyCredential(
    ACCOUNT,
    Buffer.from(marks.text('wrong-account-key')).toString('base64'),
  )
  await outcome(new BlobServiceClient(blobUrl(rest), wrong, once).getProperties())
  const signature = generateBlobSASQueryParameters(
    { containerName: 'box', permissions: BlobSASPermissions.parse('r'), expiresOn: new Date(1) },
    key,
  )
  noteSignature('signature of before', signature, marks)
  const role = `${ACCOUNT}.blob.core`
  const ask = (path: string, headers: Readonly<Record<string, string>> = {}) =>
    rest.send({ role, path, headers })
  await ask(`/box/filed?${signature.toString()}`)
  await ask(
    `/box/filed?sv=2021-12-02&sr=b&sp=r&se=2031-01-01&sig=${encodeURIComponent(marks.text('bad-signature'))}`,
  )
  await ask('/box/filed', { authorization: `SharedKey ${ACCOUNT}:${marks.text('bad-shared-key')}` })
  await ask('/box/filed', { authorization: `Bearer ${marks.text('bad-bearer')}` })
  const blob = box.getBlockBlobClient('refused')
  const body = Buffer.from(marks.text('refused-blob'))
  await outcome(blob.upload(body, body.length, { metadata: { 'no-name': marks.text('refused-metadata') } }))
  await outcome(blob.upload(body, body.length, { tags: { 'a;b': marks.text('refused-tag') } }))
  await outcome(blob.stageBlock('MQ==', body, body.length, { transactionalContentMD5: randomBytes(16) }))
}

async function takeKeyAway(rest: Rest, estate: Estate, box: ContainerClient): Promise<void> {
  await rest.vaultDone(estate.vault, 'DELETE', `/keys/${estate.keyName}`)
  await outcome(box.getBlobClient('filed').download())
  await outcome(box.getBlockBlobClient('filed').upload('x', 1))
  await rest.vaultDone(estate.vault, 'POST', `/deletedkeys/${estate.keyName}/recover`)
  await newKeyVersion(rest, estate.vault, estate.keyName)
  await box.getBlobClient('filed').downloadToBuffer()
}

function noteSignature(name: string, parameters: SASQueryParameters, marks: Marks): void {
  const sent = new URLSearchParams(parameters.toString()).get('sig') ?? ''
  marks.add(`${name}, as it is sent`, encodeURIComponent(sent))
  marks.secrets.push({ name, bytes: Buffer.from(sent, 'base64') })
}

/** The mark over and over: wherever a piece of it lies, it lies whole. */
function marked(marks: Marks, name: string, length: number): Buffer {
  return Buffer.alloc(length, `${marks.text(name)} `)
}

function blobUrl({ server }: Pick<Rest, 'server'>): string {
  return `https://${ACCOUNT}.blob.core.localhost:${server.port}`
}
