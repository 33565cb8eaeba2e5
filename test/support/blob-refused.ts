import { type BlobOperation, KEPT, PAGE, TEXT, blockId, download, read, write } from './blob-operations.ts'

/** https://learn.microsoft.com/azure/storage/common/customer-managed-keys-overview#revoke-access-to-a-storage-account-that-uses-customer-managed-keys */
export const listOfAzure: ReadonlySet<string> = new Set([
  'List Blobs',
  'Get Blob',
  'Get Blob Properties',
  'Get Blob Metadata',
  'Set Blob Metadata',
  'Snapshot Blob',
  'Copy Blob',
  'Copy Blob From URL',
  'Set Blob Tier',
  'Put Block',
  'Put Block From URL',
  'Append Block',
  'Append Block From URL',
  'Put Blob',
  'Put Page',
  'Put Page From URL',
  'Incremental Copy Blob',
])

/** Not on that list, which is older or says nothing of it, and in need of the key all the same. */
export const listOfOurs: ReadonlySet<string> = new Set(['Put Blob From URL', 'Put Block List'])

/** Those that are refused while the customer's key is away. */
export const refusedOperations: readonly BlobOperation[] = [
  read(
    'List Blobs',
    ({ container }) => container.listBlobsFlat({ includeMetadata: true }).next(),
    'with include=metadata',
  ),
  read('Get Blob', ({ container }) => download(container.getBlobClient(KEPT))),
  read('Get Blob', ({ container }) => download(container.getBlobClient(KEPT), 5, 3), 'a range'),
  read('Get Blob Properties', ({ container }) => container.getBlobClient(KEPT).getProperties()),
  read('Get Blob Metadata', ({ caller, container }) =>
    caller.blob(container.containerName, KEPT, 'comp=metadata').getProperties(),
  ),
  write('Set Blob Metadata', ({ container, own }) =>
    container.getBlobClient(own('text')).setMetadata({ who: 'somebody' }),
  ),
  write(
    'Snapshot Blob',
    ({ container, own }) => container.getBlobClient(own('text')).createSnapshot({ metadata: { a: 'b' } }),
    'with metadata',
  ),
  write('Copy Blob', async ({ container, sources, another }) => {
    const copying = await container
      .getBlobClient(another('copy'))
      .beginCopyFromURL(sources.text, { intervalInMs: 5 })
    await copying.pollUntilDone()
  }),
  write('Copy Blob From URL', ({ container, sources, another }) =>
    container.getBlobClient(another('copy-now')).syncCopyFromURL(sources.text),
  ),
  write('Set Blob Tier', ({ container, own }) => container.getBlobClient(own('text')).setAccessTier('Cool')),
  write('Put Block', ({ container, another }) =>
    container.getBlockBlobClient(another('block')).stageBlock(blockId(1), TEXT, TEXT.length),
  ),
  write('Put Block From URL', ({ container, sources, another }) =>
    container.getBlockBlobClient(another('block')).stageBlockFromURL(blockId(2), sources.text),
  ),
  write(
    'Put Block List',
    ({ container, another }) =>
      container.getBlockBlobClient(another('list')).commitBlockList([], { metadata: { a: 'b' } }),
    'with metadata',
  ),
  write('Append Block', ({ container, own }) =>
    container.getAppendBlobClient(own('append')).appendBlock(TEXT, TEXT.length),
  ),
  write('Append Block From URL', ({ container, sources, own }) =>
    container.getAppendBlobClient(own('append')).appendBlockFromURL(sources.text, 0, TEXT.length),
  ),
  write('Put Blob', ({ container, another }) =>
    container.getBlockBlobClient(another('put')).upload(TEXT, TEXT.length),
  ),
  write(
    'Put Blob',
    ({ container, own }) => container.getBlockBlobClient(own('text')).upload('', 0),
    'over another, with nothing in it',
  ),
  write(
    'Put Blob',
    ({ container, another }) => container.getAppendBlobClient(another('append')).create(),
    'for blocks to be appended',
  ),
  write(
    'Put Blob',
    ({ container, another }) => container.getPageBlobClient(another('page')).create(512),
    'of pages',
  ),
  write('Put Blob From URL', ({ container, sources, another }) =>
    container.getBlockBlobClient(another('put-from')).syncUploadFromURL(sources.text),
  ),
  write('Put Page', ({ container, own }) =>
    container.getPageBlobClient(own('page')).uploadPages(PAGE, 512, PAGE.length),
  ),
  write(
    'Put Page',
    ({ container, own }) => container.getPageBlobClient(own('page')).clearPages(512, 512),
    'to clear it',
  ),
  write('Put Page From URL', ({ container, sources, own }) =>
    container.getPageBlobClient(own('page')).uploadPagesFromURL(sources.page, 0, 0, 512),
  ),
  write('Incremental Copy Blob', ({ container, sources, another }) =>
    container.getPageBlobClient(another('incremental')).startCopyIncremental(sources.pageSnapshot),
  ),
]
