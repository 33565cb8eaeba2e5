import { randomBytes } from 'node:crypto'
import { MIB } from '../../src/kernel/units.ts'
import type { Answer, Connection } from '../registry/connection.ts'
import type { JobResult } from '../registry/client-process.ts'
import { type LanesJob, runLanes, takeJobs } from '../registry/lanes.ts'
import { type BlobOperation, LISTED, RANGE_BYTES } from './rows.ts'

/** What the client is told to do, on `concurrency` connections at once. */
export interface BlobJob extends LanesJob {
  readonly target: BlobTarget
  readonly operation: BlobOperation
  readonly bytes: number
}

/** Where the blobs are: `/devstoreaccount1`, and the query that lets in. */
export interface BlobTarget {
  readonly path: string
  readonly sas: string
}

export const CONTAINER = 'bench'
export const LIST_CONTAINER = 'bench-list'
/** What both servers know. */
const VERSION = { 'x-ms-version': '2021-12-02' }
const BLOCK_BYTES = 4 * MIB

export function sampleName(bytes: number): string {
  return `sample-${bytes}`
}

function runJob(job: BlobJob): Promise<JobResult> {
  const body = bodyOf(job.operation === 'put' ? job.bytes : 0)
  return runLanes(job, (connection, index) => (done) => {
    return runOnce(connection, job, { body, name: `b-${process.pid}-${index}-${done}-${performance.now()}` })
  })
}

async function runOnce(
  connection: Connection,
  { target, operation, bytes }: BlobJob,
  { body, name }: { readonly body: readonly Uint8Array[]; readonly name: string },
): Promise<void> {
  const send = sender(connection, target)
  switch (operation) {
    case 'put':
      await send('PUT', `/${CONTAINER}/${name}`, 201, { headers: { 'x-ms-blob-type': 'BlockBlob' }, body })
      return
    case 'get': {
      const { bodyBytes } = await send('GET', `/${CONTAINER}/${sampleName(bytes)}`, 200)
      if (bodyBytes !== bytes) throw new Error(`${bodyBytes} bytes of ${bytes}`)
      return
    }
    case 'range': {
      const start = Math.floor(Math.random() * (bytes - RANGE_BYTES))
      const headers = { 'x-ms-range': `bytes=${start}-${start + RANGE_BYTES - 1}` }
      const { bodyBytes } = await send('GET', `/${CONTAINER}/${sampleName(bytes)}`, 206, { headers })
      if (bodyBytes !== RANGE_BYTES) throw new Error(`${bodyBytes} bytes of ${RANGE_BYTES}`)
      return
    }
    case 'list':
      await send('GET', `/${LIST_CONTAINER}?restype=container&comp=list&maxresults=${LISTED}`, 200)
  }
}

export interface Sent {
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: readonly Uint8Array[]
}

/** Sends what must be answered with that status. */
export function sender(connection: Connection, { path, sas }: BlobTarget) {
  return async (method: string, at: string, status: number | null, sent: Sent = {}): Promise<Answer> => {
    const answer = await connection.send({
      method,
      path: `${path}${at}${at.includes('?') ? '&' : '?'}${sas}`,
      headers: { ...VERSION, ...sent.headers },
      ...(sent.body === undefined ? {} : { body: sent.body }),
    })
    if (status !== null && answer.status !== status) throw new Error(`${method} ${at}: ${answer.status}`)
    return answer
  }
}

/** One random block over and over: memory for one, however large the blob. */
export function bodyOf(bytes: number): readonly Uint8Array[] {
  const block = randomBytes(Math.min(BLOCK_BYTES, bytes))
  const parts: Uint8Array[] = []
  for (let left = bytes; left > 0; left -= block.length) parts.push(block.subarray(0, left))
  return parts
}

if (import.meta.main) takeJobs(runJob)
