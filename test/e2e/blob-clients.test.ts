import { randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join, relative } from 'node:path'
import { BlobServiceClient, StorageSharedKeyCredential } from '@azure/storage-blob'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Az } from '../support/az.ts'
import { accountKey, accountSas, entraCaller, keyCaller } from '../support/blob-callers.ts'
import { openAzcopy, openRclone, python } from '../support/blob-programs.ts'
import { filesBelow } from '../support/files-below.ts'
import { freePort } from '../support/free-port.ts'
import { GROUP, type Site, openSite } from '../support/site.ts'
import { makeEncryptedAccount } from '../support/storage-account.ts'
import { words } from '../support/words.ts'
import { peer } from '../tools/peers.ts'

const MIB = 1024 * 1024
const ACCOUNT = 'clients1'
/** Azurite's, which everybody knows: https://learn.microsoft.com/azure/storage/common/storage-use-azurite */
const KNOWN_ACCOUNT = 'devstoreaccount1'
const KNOWN_KEY = 'Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=='

/** By path below the folder. */
async function contentOf(folder: string): Promise<ReadonlyMap<string, string>> {
  const entries: (readonly [path: string, base64: string])[] = []
  for await (const { path, bytes } of filesBelow(folder))
    entries.push([relative(folder, path), bytes.toString('base64')])
  return new Map(entries.sort(([one], [other]) => (one < other ? -1 : 1)))
}

describe('unmodified clients on a storage account under a customer’s key', () => {
  let site: Site
  let az: Az
  let key: string
  let signature: string
  let tree: string
  let azurite: readonly number[]

  beforeAll(async () => {
    azurite = [await freePort(), await freePort(), await freePort()]
    site = await openSite({ args: ['--azurite', azurite.join(',')] })
    az = await site.az()
    await makeEncryptedAccount(site, ACCOUNT)
    const { keys = [] } = await site.sdk.storage.storageAccounts.listKeys(GROUP, ACCOUNT)
    key = keys[0]?.value ?? ''
    signature = accountSas(await accountKey(site, ACCOUNT)).toString()
    await entraCaller(site, ACCOUNT)
    tree = join(site.folder, 'tree')
    await mkdir(join(tree, 'deep', 'deeper'), { recursive: true })
    await writeFile(join(tree, 'empty'), '')
    await writeFile(join(tree, 'deep', 'small & 한글.txt'), 'a few words')
    await writeFile(join(tree, 'deep', 'deeper', 'some.bin'), randomBytes(300_000))
    await writeFile(join(tree, 'large.bin'), randomBytes(9 * MIB))
  })
  afterAll(() => site[Symbol.asyncDispose]())

  it('az storage with the account key: containers and blobs, with metadata, snapshots and leases', async () => {
    const by = words`--account-name ${ACCOUNT} --account-key ${key}`
    const blob = words`-c azbox -n hello.bin`
    const file = join(tree, 'deep/deeper/some.bin')
    expect(await az(...words`storage container create -n azbox`, ...by)).toEqual({ created: true })
    await az(...words`storage blob upload -f ${file} --metadata who=az`, ...blob, ...by)
    expect(await az(...words`storage blob metadata show`, ...blob, ...by)).toEqual({ who: 'az' })
    const listed = await az(...words`storage blob list -c azbox --include m`, ...by)
    expect(listed).toMatchObject([
      { name: 'hello.bin', metadata: { who: 'az' }, properties: { contentLength: 300_000 } },
    ])
    const back = join(site.folder, 'from-az')
    await az(...words`storage blob download -f ${back}`, ...blob, ...by)
    expect(await readFile(back)).toEqual(await readFile(file))
    expect(await az(...words`storage blob snapshot --query snapshot -o tsv`, ...blob, ...by)).toMatch(/Z$/)
    const lease = await az<string>(...words`storage blob lease acquire -c azbox -b hello.bin -o tsv`, ...by)
    expect(await az.fails(...words`storage blob delete`, ...blob, ...by)).toMatch(/LeaseIdMissing/)
    await az(...words`storage blob delete --delete-snapshots include --lease-id ${lease}`, ...blob, ...by)
    expect(await az(...words`storage blob exists`, ...blob, ...by)).toEqual({ exists: false })
    expect(await az(...words`storage container delete -n azbox`, ...by)).toEqual({ deleted: true })
  })

  it('az storage with a signature and with --auth-mode login: whole folders, up and down', async () => {
    const bySignature = words`--account-name ${ACCOUNT} --sas-token ${signature}`
    const byLogin = words`--account-name ${ACCOUNT} --auth-mode login`
    await az(...words`storage container create -n azlogin`, ...byLogin)
    await az(...words`storage blob upload-batch -d azlogin -s ${tree}`, ...byLogin)
    const back = join(site.folder, 'from-azlogin')
    await mkdir(back)
    await az(...words`storage blob download-batch -s azlogin -d ${back}`, ...bySignature)
    expect(await contentOf(back)).toEqual(await contentOf(tree))
  })

  it('az storage signs with a user delegation key, lists containers, and copies', async () => {
    const byKey = words`--account-name ${ACCOUNT} --account-key ${key}`
    await az(...words`storage container create -n azsigned --metadata who=az`, ...byKey)
    await az(
      ...words`storage blob upload -c azsigned -n small -f ${join(tree, 'deep/small & 한글.txt')}`,
      ...byKey,
    )
    const expiry = new Date(Date.now() + 3_600_000).toISOString().slice(0, 16)
    const delegated = await az<string>(
      ...words`storage container generate-sas -n azsigned --permissions rl --expiry ${`${expiry}Z`}`,
      ...words`--as-user --auth-mode login --account-name ${ACCOUNT} -o tsv`,
    )
    const show = () =>
      az(
        ...words`storage blob show -c azsigned -n small --query properties.contentLength`,
        ...words`--account-name ${ACCOUNT} --sas-token ${delegated}`,
      )
    expect(await show()).toBe(11)
    await az(...words`storage account revoke-delegation-keys -n ${ACCOUNT}`)
    await expect(show()).rejects.toThrow('Authentication failure')
    const listed = await az(
      ...words`storage container list --include-metadata --prefix azsigned --query [].metadata`,
      ...byKey,
    )
    expect(listed).toEqual([{ who: 'az' }])
    const copied = await az(
      ...words`storage blob copy start --source-container azsigned --source-blob small`,
      ...words`--destination-container azsigned --destination-blob copied --query copy_status`,
      ...byKey,
    )
    expect(['pending', 'success']).toContain(copied)
  })

  it('rclone sync, both ways, with check', async () => {
    const rclone = await openRclone(site, { account: ACCOUNT, key })
    await rclone('mkdir', 'storage:rclone')
    await rclone(
      'sync',
      tree,
      'storage:rclone/tree',
      '--azureblob-chunk-size',
      '1M',
      '--azureblob-upload-cutoff',
      '2M',
    )
    await rclone('check', tree, 'storage:rclone/tree')
    const back = join(site.folder, 'from-rclone')
    await rclone('sync', 'storage:rclone/tree', back)
    await rclone('check', '--download', back, 'storage:rclone/tree')
    expect(await contentOf(back)).toEqual(await contentOf(tree))
    await rclone('purge', 'storage:rclone')
  })

  it('azcopy sync and copy, in path style', async () => {
    const azcopy = await openAzcopy(site)
    const container = `https://127.0.0.1:${site.server.port}/${ACCOUNT}/azcopy?${signature}`
    const size = words`--block-size-mb 1`
    await azcopy('sync', tree, container, '--from-to', 'LocalBlob', '--put-md5', ...size)
    const back = join(site.folder, 'from-azcopy')
    await azcopy(
      'copy',
      container,
      back,
      '--recursive',
      '--from-to',
      'BlobLocal',
      '--check-md5',
      'FailIfDifferentOrMissing',
    )
    expect(await contentOf(join(back, 'azcopy'))).toEqual(await contentOf(tree))
  })

  it('@azure/storage-blob: megabytes in blocks, at once', async () => {
    const { service } = await keyCaller(site, ACCOUNT)
    const box = service.getContainerClient('javascript')
    await box.create()
    const bytes = randomBytes(9 * MIB + 7)
    const blob = box.getBlockBlobClient('deep/blob with spaces')
    await blob.uploadData(bytes, { blockSize: MIB, maxSingleShotSize: MIB, concurrency: 4 })
    const { committedBlocks = [] } = await blob.getBlockList('all')
    expect(committedBlocks.map(({ size }) => size)).toEqual([...Array<number>(9).fill(MIB), 7])
    const whole = await blob.downloadToBuffer(0, undefined, { blockSize: MIB, concurrency: 4 })
    expect(whole.equals(bytes)).toBe(true)
    const part = await blob.downloadToBuffer(MIB - 3, 5)
    expect(part.equals(bytes.subarray(MIB - 3, MIB + 2))).toBe(true)
  })

  it('Debian’s Python SDK', async () => {
    const script = `
import sys
from azure.storage.blob import BlobServiceClient
url, key, path = sys.argv[1:]
service = BlobServiceClient(url, credential=key, max_single_put_size=1 << 20, max_block_size=1 << 20,
                            max_single_get_size=1 << 20, max_chunk_get_size=1 << 20)
box = service.create_container('python')
data = open(path, 'rb').read()
blob = box.upload_blob('large', data, metadata={'who': 'python'}, max_concurrency=2)
assert box.download_blob('large', max_concurrency=2).readall() == data
assert blob.get_blob_properties().metadata == {'who': 'python'}
print([(b.name, b.size) for b in box.list_blobs()])
blob.delete_blob()
assert not blob.exists()
`
    const url = site.server.url(`${ACCOUNT}.blob.core`)
    expect(await python(site, script, url, key, join(tree, 'large.bin'))).toBe(`[('large', ${9 * MIB})]\n`)
  })

  it('the azure-storage of before, with a connection string', async () => {
    const { createBlobService } = createRequire(import.meta.url)(peer('azure-storage')) as LegacySdk
    const endpoint = site.server.url(`${ACCOUNT}.blob.core`)
    const service = createBlobService(
      `DefaultEndpointsProtocol=https;AccountName=${ACCOUNT};AccountKey=${key};BlobEndpoint=${endpoint}`,
    )
    const call = <T>(method: keyof typeof service, ...args: readonly unknown[]) =>
      new Promise<T>((resolve, reject) =>
        service[method](...args, (error: Error | null, result: T) =>
          error ? reject(error) : resolve(result),
        ),
      )
    await call('createContainerIfNotExists', 'legacy')
    await call('createBlockBlobFromText', 'legacy', 'hello', 'from long ago', { metadata: { who: 'legacy' } })
    expect(await call('getBlobToText', 'legacy', 'hello')).toBe('from long ago')
    expect(await call('getBlobMetadata', 'legacy', 'hello')).toMatchObject({ metadata: { who: 'legacy' } })
    const { entries } = await call<{ readonly entries: readonly { readonly name: string }[] }>(
      'listBlobsSegmented',
      'legacy',
      null,
    )
    expect(entries.map(({ name }) => name)).toEqual(['hello'])
  })

  describe('the development storage that everybody knows the key of', () => {
    const connectionString = () => {
      const [blob, queue, table] = azurite.map((port) => `http://127.0.0.1:${port}/${KNOWN_ACCOUNT}`)
      return `DefaultEndpointsProtocol=http;AccountName=${KNOWN_ACCOUNT};AccountKey=${KNOWN_KEY};BlobEndpoint=${blob};QueueEndpoint=${queue};TableEndpoint=${table};`
    }

    it('is there on ports of its own, as UseDevelopmentStorage=true says it', async () => {
      const box = BlobServiceClient.fromConnectionString(connectionString()).getContainerClient('local')
      await box.create()
      await box.getBlockBlobClient('hello').upload('hello', 5)
      expect((await box.getBlobClient('hello').downloadToBuffer()).toString()).toBe('hello')
      const shown = await az(
        ...words`storage blob show -c local -n hello --query properties.contentLength`,
        ...words`--connection-string ${connectionString()}`,
      )
      expect(shown).toBe(5)
    })

    it.each([
      ['queue', 1],
      ['table', 2],
    ])('says that its %s service is still to come', async (service, at) => {
      const answer = await fetch(`http://127.0.0.1:${azurite[at]}/${KNOWN_ACCOUNT}?comp=list`)
      expect([answer.status, await answer.text()]).toEqual([501, expect.stringContaining(service)])
    })

    it('is not on the main port, by name or by address', async () => {
      const credential = new StorageSharedKeyCredential(KNOWN_ACCOUNT, KNOWN_KEY)
      const { server } = site
      for (const url of [
        server.url(`${KNOWN_ACCOUNT}.blob.core`),
        `https://127.0.0.1:${server.port}/${KNOWN_ACCOUNT}`,
      ]) {
        const service = new BlobServiceClient(url, credential, { retryOptions: { maxTries: 1 } })
        const box = service.getContainerClient('local')
        await expect(box.getBlobClient('hello').download()).rejects.toMatchObject({ statusCode: 404 })
      }
    })

    it('and no other account is on its ports', async () => {
      const url = `http://127.0.0.1:${azurite[0]}/${ACCOUNT}`
      const service = new BlobServiceClient(url, new StorageSharedKeyCredential(ACCOUNT, key), {
        retryOptions: { maxTries: 1 },
      })
      await expect(service.getContainerClient('javascript').getProperties()).rejects.toMatchObject({
        statusCode: 404,
      })
    })
  })
})

type Legacy = (...args: readonly unknown[]) => void
interface LegacySdk {
  readonly createBlobService: (
    connectionString: string,
  ) => Readonly<
    Record<
      | 'createContainerIfNotExists'
      | 'createBlockBlobFromText'
      | 'getBlobToText'
      | 'getBlobMetadata'
      | 'listBlobsSegmented',
      Legacy
    >
  >
}
