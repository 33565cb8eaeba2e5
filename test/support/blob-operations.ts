import { buffer } from 'node:stream/consumers'
import { type BlobClient, type ContainerClient, RestError } from '@azure/storage-blob'
import type { BlobCaller, Circle } from './blob-callers.ts'

/** Where an operation is tried. */
export interface Scene {
  readonly caller: BlobCaller
  readonly container: ContainerClient
  /** URLs of blobs of another account, which anybody may read and whose key nobody takes away. */
  readonly sources: Sources
  /** Blobs of the caller's own: `name` for `staged` and the like, `another` for one that is not there yet. */
  readonly own: (name: string) => string
  readonly another: (name: string) => string
}

export interface Sources {
  readonly text: string
  readonly page: string
  readonly pageSnapshot: string
}

export interface BlobOperation {
  /** Azure's. */
  readonly name: string
  /** What is special about it. */
  readonly variant?: string
  readonly by: Circle
  readonly run: (scene: Scene) => Promise<unknown>
}

export const TEXT = 'what the customer keeps'
export const PAGE = Buffer.alloc(512, 'page')
/** There before the key is taken away, with user metadata, a tag, and a snapshot. */
export const KEPT = 'kept'

export const blockId = (number: number) => Buffer.from(`block-${number}`).toString('base64')

export function read(name: string, run: BlobOperation['run'], variant?: string): BlobOperation {
  return { name, by: 'anybody', run, ...(variant === undefined ? {} : { variant }) }
}

export function write(name: string, run: BlobOperation['run'], variant?: string): BlobOperation {
  return { ...read(name, run, variant), by: 'with write access' }
}

/** What everybody reads; made while the key is there. */
export async function stockContainer(container: ContainerClient): Promise<void> {
  const options = { metadata: { who: 'customer' }, tags: { color: 'red' } }
  const kept = container.getBlockBlobClient(KEPT)
  await kept.upload(TEXT, TEXT.length, options)
  await kept.createSnapshot()
}

/** Blobs of one caller's own. */
export async function stockFor(container: ContainerClient, own: Scene['own']): Promise<void> {
  const page = container.getPageBlobClient(own('page'))
  const staged = container.getBlockBlobClient(own('staged'))
  await Promise.all([
    container.getAppendBlobClient(own('append')).create(),
    container.getAppendBlobClient(own('sealed')).create(),
    page.create(1024).then(() => page.uploadPages(PAGE, 0, PAGE.length)),
    container.getBlockBlobClient(own('text')).upload(TEXT, TEXT.length),
    container.getBlockBlobClient(own('spare')).upload(TEXT, TEXT.length),
    container.getBlockBlobClient(own('leased')).upload(TEXT, TEXT.length),
    staged.stageBlock(blockId(1), TEXT, TEXT.length),
  ])
}

export async function stockSources(container: ContainerClient): Promise<Sources> {
  const text = container.getBlockBlobClient('text')
  await text.upload(TEXT, TEXT.length)
  const page = container.getPageBlobClient('page')
  await page.create(512)
  await page.uploadPages(PAGE, 0, PAGE.length)
  const { snapshot = '' } = await page.createSnapshot()
  return { text: text.url, page: page.url, pageSnapshot: page.withSnapshot(snapshot).url }
}

export async function readKept(container: ContainerClient): Promise<{
  readonly text: string
  readonly metadata: Readonly<Record<string, string>>
}> {
  const kept = container.getBlobClient(KEPT)
  const { metadata = {} } = await kept.getProperties()
  return { text: (await kept.downloadToBuffer()).toString(), metadata }
}

export async function download(blob: BlobClient, offset?: number, count?: number): Promise<Buffer> {
  const { readableStreamBody } = await blob.download(offset, count)
  if (readableStreamBody === undefined) throw new Error('a download without a body')
  return await buffer(readableStreamBody)
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
