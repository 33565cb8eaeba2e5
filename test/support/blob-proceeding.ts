import { randomUUID } from 'node:crypto'
import type { BlobLeaseClient } from '@azure/storage-blob'
import type { Circle } from './blob-callers.ts'
import { type BlobOperation, KEPT, blockId, outcome, read, write } from './blob-operations.ts'

/** Those that are not on Azure's list: they go on while the customer's key is away. */
export const proceedingOperations: readonly BlobOperation[] = [
  ...ofBlobs(),
  ...ofContainers(),
  ...ofTheService(),
]

function ofBlobs(): readonly BlobOperation[] {
  return [
    read('List Blobs', ({ container }) => container.listBlobsFlat().next()),
    read('List Blobs', ({ container }) => container.listBlobsByHierarchy('/').next(), 'by folders'),
    write(
      'List Blobs',
      ({ container }) => container.listBlobsFlat(everything).next(),
      'with all but metadata',
    ),
    read('Get Block List', ({ container }) => container.getBlockBlobClient(KEPT).getBlockList('committed')),
    write('Get Page Ranges', ({ container, own }) =>
      container.getPageBlobClient(own('page')).getPageRanges(),
    ),
    write('Put Block List', ({ container, own }) =>
      container.getBlockBlobClient(own('staged')).commitBlockList([blockId(1)]),
    ),
    write('Snapshot Blob', ({ container, own }) => container.getBlobClient(own('text')).createSnapshot()),
    write('Delete Blob', async ({ container, own }) => {
      const spare = container.getBlobClient(own('spare'))
      await spare.delete({ deleteSnapshots: 'include' })
      await spare.undelete()
    }),
    write('Lease Blob', ({ container, own }) =>
      everyLeaseAction(container.getBlobClient(own('leased')).getBlobLeaseClient(randomUUID())),
    ),
    write('Set Blob Properties', ({ container, own }) =>
      container.getBlobClient(own('text')).setHTTPHeaders({ blobContentType: 'text/plain' }),
    ),
    write(
      'Set Blob Properties',
      ({ container, own }) => container.getPageBlobClient(own('page')).resize(2048),
      'the size',
    ),
    write('Set Blob Tags', ({ container, own }) =>
      container.getBlobClient(own('text')).setTags({ color: 'blue' }),
    ),
    write('Get Blob Tags', ({ container }) => container.getBlobClient(KEPT).getTags()),
    write('Find Blobs by Tags', ({ container }) => container.findBlobsByTags("color = 'red'").next()),
    write('Append Blob Seal', ({ container, own }) => container.getAppendBlobClient(own('sealed')).seal()),
    write('Abort Copy Blob', async ({ container, own }) => {
      const came = await outcome(container.getBlobClient(own('text')).abortCopyFromURL(randomUUID()))
      // What is refused is that there is nothing to abort.
      if (came !== '409 NoPendingCopyOperation') throw new Error(came)
    }),
  ]
}

function ofContainers(): readonly BlobOperation[] {
  return [
    by('of the account', 'Get Container Properties', ({ container }) => container.getProperties()),
    by('of the account', 'Set Container Metadata', ({ container }) => container.setMetadata({ a: 'b' })),
    by('of the account', 'Create, Delete and Restore Container', async ({ caller: { service }, another }) => {
      const name = another('box').toLowerCase()
      await service.getContainerClient(name).create()
      await service.getContainerClient(name).delete()
      const deleted = service.listContainers({ includeDeleted: true, prefix: name })
      for await (const { version = '' } of deleted) await service.undeleteContainer(name, version)
      await service.getContainerClient(name).getProperties()
    }),
    by('of the account', 'Lease Container', async ({ caller, another }) => {
      const made = caller.service.getContainerClient(another('leased').toLowerCase())
      await made.create()
      await everyLeaseAction(made.getBlobLeaseClient(randomUUID()))
    }),
    by('with the account key', 'Get Container ACL', ({ container }) => container.getAccessPolicy()),
    by('with the account key', 'Set Container ACL', ({ container }) =>
      container.setAccessPolicy('container'),
    ),
  ]
}

function ofTheService(): readonly BlobOperation[] {
  return [
    by('of the account', 'List Containers', ({ caller }) =>
      caller.service.listContainers({ includeMetadata: true }).next(),
    ),
    by('of the account', 'Get Account Information', ({ caller }) => caller.service.getAccountInfo()),
    by('of the account', 'Get Blob Service Properties', ({ caller }) => caller.service.getProperties()),
    by('of the account', 'Set Blob Service Properties', ({ caller }) =>
      caller.service.setProperties({ cors: [] }),
    ),
    by('of the account', 'Find Blobs by Tags', ({ caller }) =>
      caller.service.findBlobsByTags("color = 'red'").next(),
    ),
    by('with a token', 'Get User Delegation Key', ({ caller }) =>
      caller.service.getUserDelegationKey(new Date(), new Date(Date.now() + 60_000)),
    ),
  ]
}

const everything = {
  includeCopy: true,
  includeDeleted: true,
  includeSnapshots: true,
  includeTags: true,
  includeUncommitedBlobs: true,
}

function by(circle: Circle, name: string, run: BlobOperation['run']): BlobOperation {
  return { name, by: circle, run }
}

async function everyLeaseAction(lease: BlobLeaseClient): Promise<void> {
  await lease.acquireLease(15)
  await lease.renewLease()
  await lease.changeLease(randomUUID())
  await lease.releaseLease()
}
