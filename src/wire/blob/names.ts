import { BlobFault } from '../../services/blob/faults.ts'

const MAX_BLOB_NAME = 1024
const MAX_SEGMENTS = 254

/**
 * https://learn.microsoft.com/rest/api/storageservices/naming-and-referencing-containers--blobs--and-metadata
 * @throws BlobFault `name-invalid`
 */
export function assertContainerName(name: string): void {
  if (/^\$(root|web|logs|blobchangefeed)$/.test(name)) return
  const isName = name.length >= 3 && name.length <= 63 && /^[a-z0-9]+(-[a-z0-9]+)*$/.test(name)
  if (!isName) throw new BlobFault('name-invalid', { reason: 'the name of the container' })
}

/** @throws BlobFault `name-invalid` */
export function assertBlobName(name: string): void {
  const isName = name.length >= 1 && name.length <= MAX_BLOB_NAME && name.split('/').length <= MAX_SEGMENTS
  if (!isName) throw new BlobFault('name-invalid', { reason: 'the name of the blob' })
}
