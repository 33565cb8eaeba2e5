import { BlobFault } from '../../services/blob/faults.ts'

const MAX_BLOB_NAME = 1024
const MAX_SEGMENTS = 254

/** Blobs whose path names no container are in it. */
export const ROOT_CONTAINER = '$root'

const own: ReadonlySet<string> = new Set([ROOT_CONTAINER, '$web'])
const system: ReadonlySet<string> = new Set(['$logs', '$blobchangefeed'])

/** Made by the service alone; lists show it to those who ask. */
export function isSystemContainer(name: string): boolean {
  return system.has(name)
}

const MIN_CONTAINER_NAME = 3
const MAX_CONTAINER_NAME = 63

/**
 * https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata
 * @throws BlobFault `name-invalid`, `name-length-invalid`
 */
export function assertContainerName(name: string): void {
  if (own.has(name) || system.has(name)) return
  if (!/^[a-z0-9]+(-[a-z0-9]+)*$/.test(name))
    throw new BlobFault('name-invalid', { reason: 'the name of the container' })
  if (name.length < MIN_CONTAINER_NAME || name.length > MAX_CONTAINER_NAME)
    throw new BlobFault('name-length-invalid', { min: MIN_CONTAINER_NAME, max: MAX_CONTAINER_NAME })
}

/** @throws BlobFault `name-invalid` */
export function assertCreatable(container: string): void {
  if (system.has(container)) throw new BlobFault('name-invalid', { reason: 'a name of the service' })
}

/** @throws BlobFault `name-invalid` */
export function assertBlobName(name: string): void {
  const isName = name.length >= 1 && name.length <= MAX_BLOB_NAME && name.split('/').length <= MAX_SEGMENTS
  if (!isName) throw new BlobFault('name-invalid', { reason: 'the name of the blob' })
}
