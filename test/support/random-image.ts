import { randomBytes } from 'node:crypto'
import { type BuiltImage, buildOciImage } from '../tools/oci-layout.ts'

/** An image like no other: a layer for each length, of bytes that do not compress. */
export function randomImage(layerBytes: readonly number[] = [700_000, 20]): BuiltImage {
  return buildOciImage({
    layers: layerBytes.map((length, index) => [{ path: `layer-${index}`, bytes: randomBytes(length) }]),
    labels: { id: randomBytes(8).toString('hex') },
  })
}
