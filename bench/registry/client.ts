import { createHash, randomBytes } from 'node:crypto'
import type { JobResult } from './client-process.ts'
import { type Address, type Answer, Connection } from './connection.ts'
import { type LanesJob, runLanes, takeJobs } from './lanes.ts'

/** What the client is told to do, on `concurrency` connections at once. */
export interface Job extends LanesJob {
  /** Sent with each request: credentials. */
  readonly headers: Readonly<Record<string, string>>
  readonly operation: Operation
  /** Of the layer that is pushed or pulled. */
  readonly bytes: number
}

export type Operation = 'push' | 'pull' | 'head-manifest' | 'get-manifest' | 'list-tags'

export const REPOSITORY = 'bench/image'
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
const CONFIG_BYTES = 100
const TAGS = 20

/** An image of one layer; the tag that `pull` and the manifest reads look for. */
export function tagOf(bytes: number): string {
  return `size-${bytes}`
}

function runJob(job: Job): Promise<JobResult> {
  const bodies = new Bodies(job.bytes)
  return runLanes(job, (connection, index) => {
    const session = new Session(connection, job, bodies)
    return (done) => session.run(`lane-${(index * 7 + done) % TAGS}`)
  })
}

/** Layers that differ in their last bytes alone: hashing and making them costs the client next to nothing. */
class Bodies {
  /** One random block over and over: memory for one, however large the layer. */
  readonly #prefix: readonly Buffer[]
  readonly #hash = createHash('sha256')

  constructor(bytes: number) {
    const block = randomBytes(Math.min(BLOCK_BYTES, Math.max(0, bytes - TAIL_BYTES)))
    const parts: Buffer[] = []
    for (let left = Math.max(0, bytes - TAIL_BYTES); left > 0; left -= block.length) {
      parts.push(block.subarray(0, left))
    }
    for (const part of parts) this.#hash.update(part)
    this.#prefix = parts
  }

  fresh(): Content {
    const tail = randomBytes(TAIL_BYTES)
    const digest = `sha256:${this.#hash.copy().update(tail).digest('hex')}`
    const parts = [...this.#prefix, tail]
    return { parts, bytes: parts.reduce((sum, { length }) => sum + length, 0), digest }
  }
}

const BLOCK_BYTES = 64 * 1024 * 1024
const TAIL_BYTES = 32

interface Content {
  readonly parts: readonly Uint8Array[]
  readonly bytes: number
  readonly digest: string
}

class Session {
  readonly #connection: Connection
  readonly #job: Job
  readonly #bodies: Bodies

  constructor(connection: Connection, job: Job, bodies: Bodies) {
    this.#connection = connection
    this.#job = job
    this.#bodies = bodies
  }

  async run(tag: string): Promise<void> {
    const { operation, bytes } = this.#job
    switch (operation) {
      case 'push':
        await this.push(tag)
        return
      case 'pull':
        await this.#pull(tagOf(bytes))
        return
      case 'head-manifest':
        await this.#get('HEAD', `manifests/${tagOf(bytes)}`)
        return
      case 'get-manifest':
        await this.#get('GET', `manifests/${tagOf(bytes)}`)
        return
      case 'list-tags':
        await this.#get('GET', 'tags/list')
    }
  }

  /** POST and PUT of layer and config, PUT of the manifest. */
  async push(tag: string): Promise<void> {
    const layer = this.#bodies.fresh()
    const config = new Bodies(CONFIG_BYTES).fresh()
    await this.#pushBlob(layer)
    await this.#pushBlob(config)
    const descriptor = ({ digest, bytes }: Content, mediaType: string) => ({ mediaType, digest, size: bytes })
    const manifest = JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST,
      config: descriptor(config, 'application/vnd.oci.image.config.v1+json'),
      layers: [descriptor(layer, 'application/vnd.oci.image.layer.v1.tar')],
    })
    await this.#send('PUT', `/v2/${REPOSITORY}/manifests/${tag}`, 201, MANIFEST, [Buffer.from(manifest)])
  }

  async #pushBlob({ digest, parts }: Content): Promise<void> {
    const started = await this.#send('POST', `/v2/${REPOSITORY}/blobs/uploads/`, 202)
    const location = new URL(started.headers.get('location') ?? '', 'https://registry')
    location.searchParams.set('digest', digest)
    await this.#send('PUT', location.pathname + location.search, 201, 'application/octet-stream', parts)
  }

  async #pull(tag: string): Promise<void> {
    const { body } = await this.#get('GET', `manifests/${tag}`, true)
    const { config, layers } = JSON.parse(body.toString()) as ManifestBody
    for (const { digest, size } of [config, ...layers]) {
      const { bodyBytes } = await this.#get('GET', `blobs/${digest}`)
      if (bodyBytes !== size) throw new Error(`${digest}: ${bodyBytes} bytes of ${size}`)
    }
  }

  async #get(method: string, path: string, keepsBody = false): Promise<Answer> {
    const headers = { ...this.#job.headers, accept: MANIFEST }
    const answer = await this.#connection.send({
      method,
      path: `/v2/${REPOSITORY}/${path}`,
      headers,
      keepsBody,
    })
    if (answer.status !== 200) throw new Error(`${method} ${path}: ${answer.status}`)
    return answer
  }

  async #send(
    method: string,
    path: string,
    status: number,
    type?: string,
    body?: readonly Uint8Array[],
  ): Promise<Answer> {
    const headers = { ...this.#job.headers, ...(type === undefined ? {} : { 'content-type': type }) }
    const request = { method, path, headers, keepsBody: true, ...(body === undefined ? {} : { body }) }
    const answer = await this.#connection.send(request)
    if (answer.status !== status)
      throw new Error(`${method} ${path}: ${answer.status} ${answer.body.toString()}`)
    return answer
  }
}

interface ManifestBody {
  readonly config: { readonly digest: string; readonly size: number }
  readonly layers: readonly { readonly digest: string; readonly size: number }[]
}

/** Pushes what the reads look for. */
export async function pushSample(address: Address, headers: Job['headers'], bytes: number): Promise<void> {
  const connection = await Connection.open(address)
  const job: Job = { address, headers, operation: 'push', bytes, concurrency: 1, seconds: 0 }
  await new Session(connection, job, new Bodies(bytes)).push(tagOf(bytes))
  connection.close()
}

if (import.meta.main) takeJobs(runJob)
