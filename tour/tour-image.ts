import { randomBytes } from 'node:crypto'
import { MIB } from '../src/kernel/units.ts'
import { type BuiltImage, buildOciImage } from '../test/tools/oci-layout.ts'

/** An image, and pieces of it that nobody must find on the disk. */
export interface TourImage extends BuiltImage {
  readonly needles: ReadonlyMap<string, Uint8Array>
  /** Of all blobs. */
  readonly bytes: number
}

const LAYERS = 3
const PIECE = 32

/** Three layers of 1 MiB that does not compress, so that the words in it stand in the layer's bytes as they are. */
export function makeTourImage(): TourImage {
  const secret = `in clear nowhere: ${randomBytes(8).toString('hex')}`
  const layers = Array.from({ length: LAYERS }, (_, at) => {
    const words = Buffer.from(` ${secret}, layer ${at} `)
    const bytes = Buffer.concat([randomBytes(MIB / 2), words, randomBytes(MIB / 2)])
    return [{ path: `srv/app/layer-${at}.bin`, bytes }]
  })
  const image = buildOciImage({
    layers,
    annotations: { 'dev.strongroom.tour': secret },
    labels: { secret },
    entrypoint: ['/srv/app/run'],
  })
  const needles = new Map<string, Uint8Array>([['the words', Buffer.from(secret)]])
  image.layers.forEach(({ bytes }, at) => {
    needles.set(`layer ${at}, its middle`, pieceAt(bytes, bytes.length / 2))
    needles.set(`layer ${at}, its end`, pieceAt(bytes, bytes.length - PIECE))
  })
  needles.set('the config', pieceAt(image.config.bytes, image.config.size / 2))
  needles.set('the manifest', pieceAt(image.manifest.bytes, image.manifest.size / 2))
  for (const { digest } of [image.manifest, image.config, ...image.layers]) {
    needles.set(`the digest ${digest.slice(0, 15)}…`, Buffer.from(digest.slice('sha256:'.length)))
  }
  return {
    ...image,
    needles,
    bytes: [image.config, ...image.layers].reduce((sum, { size }) => sum + size, 0),
  }
}

function pieceAt(bytes: Uint8Array, at: number): Uint8Array {
  const start = Math.min(Math.floor(at), bytes.length - PIECE)
  return bytes.subarray(start, start + PIECE)
}
