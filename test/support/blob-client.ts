import {
  AnonymousCredential,
  type BlockBlobClient,
  BlobServiceClient,
  type ContainerClient,
} from '@azure/storage-blob'
import type { ServedProtocol } from '../../src/http/testing.ts'
import { type BlobBench, type Permit, makeContainer, openBlobBench, serveBlobs } from './blob-bench.ts'

/** The bench behind the real SDK, with a container. */
export interface BlobClientBench extends AsyncDisposable {
  readonly bench: BlobBench
  readonly served: ServedProtocol
  readonly service: BlobServiceClient
  readonly container: ContainerClient
  /** Uploads a text as a blob of that name. */
  put(name: string, text: string): Promise<BlockBlobClient>
  /** Changes the settings of the account's blob service. */
  setSettings(settings: Partial<BlobBench['account']['blobService']>): void
}

export async function openBlobClient(permit?: Permit): Promise<BlobClientBench> {
  const bench = await openBlobBench()
  await makeContainer(bench, 'con')
  const served = await serveBlobs(bench, permit)
  const service = new BlobServiceClient(`${served.url}/account1`, new AnonymousCredential(), {
    retryOptions: { maxTries: 1 },
  })
  const container = service.getContainerClient('con')
  return {
    bench,
    served,
    service,
    container,
    async put(name, text) {
      const blob = container.getBlockBlobClient(name)
      await blob.upload(text, Buffer.byteLength(text))
      return blob
    },
    setSettings(settings) {
      const { account } = bench
      bench.account = { ...account, blobService: { ...account.blobService, ...settings } }
    },
    async [Symbol.asyncDispose]() {
      await served[Symbol.asyncDispose]()
      await bench[Symbol.asyncDispose]()
    },
  }
}

/** What the SDK throws. */
export const refused = (statusCode: number, code: string) => ({ name: 'RestError', statusCode, code })

export async function listed<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const item of items) all.push(item)
  return all
}
