import { buffer } from 'node:stream/consumers'
import { type BlobClient, type ContainerClient, RestError } from '@azure/storage-blob'

/** Where operations are tried: a container as one caller sees it. */
export interface Scene {
  readonly container: ContainerClient
  /** For the names of what is written. */
  readonly prefix: string
}

export interface BlobOperation {
  readonly name: string
  readonly kind: 'read' | 'write'
  readonly run: (scene: Scene) => Promise<unknown>
}

const TEXT = 'what the customer keeps'
/** There before the key is taken away, with user metadata `who=customer`. */
export const KEPT = 'kept'

const read = (name: string, run: BlobOperation['run']): BlobOperation => ({ name, kind: 'read', run })
const write = (name: string, run: BlobOperation['run']): BlobOperation => ({ name, kind: 'write', run })

const blockId = (number: number) => Buffer.from(`block-${number}`).toString('base64')

/** Blobs that the operations below work on; made while the key is there. */
export async function stockContainer(container: ContainerClient): Promise<void> {
  await container.getBlockBlobClient(KEPT).upload(TEXT, TEXT.length, { metadata: { who: 'customer' } })
}

export async function readKept(container: ContainerClient): Promise<{
  readonly text: string
  readonly metadata: Readonly<Record<string, string>>
}> {
  const kept = container.getBlobClient(KEPT)
  const { metadata = {} } = await kept.getProperties()
  return { text: (await kept.downloadToBuffer()).toString(), metadata }
}

/** Those of Azure's list that are refused while the customer's key is away. */
export const refusedOperations: readonly BlobOperation[] = [
  read('Get Blob', ({ container }) => download(container.getBlobClient(KEPT))),
  read('Get Blob, a range', ({ container }) => download(container.getBlobClient(KEPT), 5, 3)),
  read('Get Blob Properties', ({ container }) => container.getBlobClient(KEPT).getProperties()),
  write('Put Blob', ({ container, prefix }) =>
    container.getBlockBlobClient(`${prefix}put`).upload(TEXT, TEXT.length),
  ),
  write('Put Blob with nothing in it', ({ container, prefix }) =>
    container.getBlockBlobClient(`${prefix}empty`).upload('', 0),
  ),
  write('Put Block', ({ container, prefix }) =>
    container.getBlockBlobClient(`${prefix}staged`).stageBlock(blockId(1), TEXT, TEXT.length),
  ),
]

/** Those that go on all the same. */
export const proceedingOperations: readonly BlobOperation[] = [
  read('List Blobs', ({ container }) => first(container)),
  read('Get Block List', ({ container }) => container.getBlockBlobClient(KEPT).getBlockList('committed')),
]

async function download(blob: BlobClient, offset?: number, count?: number): Promise<unknown> {
  const { readableStreamBody } = await blob.download(offset, count)
  if (readableStreamBody === undefined) throw new Error('a download without a body')
  return await buffer(readableStreamBody)
}

async function first(container: ContainerClient): Promise<unknown> {
  return await container.listBlobsFlat().next()
}

/** `done`, or status and code of the refusal. @throws whatever is not an answer */
export async function outcome(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return 'done'
  } catch (error) {
    // The header: of a HEAD request there is no more.
    if (error instanceof RestError && error.response !== undefined)
      return `${error.response.status} ${error.response.headers.get('x-ms-error-code') ?? ''}`
    throw error
  }
}
