import { encryptionWith, newKeyVersion } from '../../test/support/estate.ts'
import { Connection } from './connection.ts'
import { quantile } from './comparison.ts'
import { REPOSITORY, pushSample } from './client.ts'
import type { Ours } from './subject.ts'

export interface Rotations {
  readonly images: number
  /** Of the whole request that brings the registry under a new version of its key. */
  readonly medianMs: number
  readonly maxMs: number
}

const MANIFEST = 'application/vnd.oci.image.manifest.v1+json'
const BLOB_BYTES = 1024
const CONNECTIONS = 16

/** Fills the registry up to each number of images in turn and rotates its key several times at each. */
export async function benchRotation(
  ours: Ours,
  imageCounts: readonly number[],
  times: number,
): Promise<readonly Rotations[]> {
  await pushSample(ours.address, ours.headers, BLOB_BYTES)
  const results: Rotations[] = []
  let images = 0
  for (const count of imageCounts) {
    await pushImages(ours, images, count)
    images = count
    const took: number[] = []
    for (let time = 0; time < times; time++) took.push(await rotate(ours))
    took.sort((a, b) => a - b)
    results.push({ images, medianMs: quantile(took, 0.5), maxMs: took.at(-1) ?? NaN })
  }
  return results
}

async function rotate({ rest, estate }: Ours): Promise<number> {
  const keyId = await newKeyVersion(rest, estate.vault, estate.keyName)
  const change = { properties: encryptionWith({ keyId, identity: estate.identity }) }
  const startedAt = performance.now()
  await rest.armDone('PATCH', estate.registryPath, change)
  return performance.now() - startedAt
}

/** Images number `from` to `to`, each with a manifest of its own over the same two blobs. */
async function pushImages({ address, headers }: Ours, from: number, to: number): Promise<void> {
  const connections = await Promise.all(Array.from({ length: CONNECTIONS }, () => Connection.open(address)))
  const sample = await connections[0]?.send({
    method: 'GET',
    path: `/v2/${REPOSITORY}/manifests/size-${BLOB_BYTES}`,
    headers: { ...headers, accept: MANIFEST },
    keepsBody: true,
  })
  const manifest = JSON.parse(sample?.body.toString() ?? '') as object
  let next = from
  const lane = async (connection: Connection) => {
    while (next < to) {
      const tag = `image-${next++}`
      const body = Buffer.from(JSON.stringify({ ...manifest, annotations: { tag } }))
      const { status } = await connection.send({
        method: 'PUT',
        path: `/v2/${REPOSITORY}/manifests/${tag}`,
        headers: { ...headers, 'content-type': MANIFEST },
        body: [body],
      })
      if (status !== 201) throw new Error(`image ${tag}: ${status}`)
    }
  }
  await Promise.all(connections.map(lane))
  for (const connection of connections) connection.close()
}
