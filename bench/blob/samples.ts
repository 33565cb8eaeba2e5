import { Connection } from '../registry/connection.ts'
import { CONTAINER, LIST_CONTAINER, bodyOf, sampleName, sender } from './client.ts'
import { LISTED, type Row } from './rows.ts'
import type { BlobSubject } from './subject.ts'

const CONNECTIONS = 16

/** What the reads of all rows look for. */
export async function prepare(subject: BlobSubject, rows: readonly Row[]): Promise<void> {
  const connection = await Connection.open(subject.address)
  const send = sender(connection, subject.target)
  for (const container of [CONTAINER, LIST_CONTAINER])
    await send('PUT', `/${container}?restype=container`, 201)
  const sizes = new Set(rows.flatMap(({ operation, bytes }) => (/get|range/.test(operation) ? [bytes] : [])))
  for (const bytes of sizes) {
    const headers = { 'x-ms-blob-type': 'BlockBlob' }
    await send('PUT', `/${CONTAINER}/${sampleName(bytes)}`, 201, { headers, body: bodyOf(bytes) })
  }
  connection.close()
  if (rows.some(({ operation }) => operation === 'list')) await putBlobs(subject, LIST_CONTAINER, 0, LISTED)
}

/** Blobs number `from` to `to`, a few bytes each. */
export async function putBlobs(
  { address, target }: BlobSubject,
  container: string,
  from: number,
  to: number,
): Promise<void> {
  let next = from
  const lane = async () => {
    const connection = await Connection.open(address)
    const send = sender(connection, target)
    const headers = { 'x-ms-blob-type': 'BlockBlob' }
    while (next < to) {
      const name = `blob-${String(next++).padStart(7, '0')}`
      await send('PUT', `/${container}/${name}`, 201, { headers, body: [Buffer.from(name)] })
    }
    connection.close()
  }
  await Promise.all(Array.from({ length: CONNECTIONS }, lane))
}
