import type { BlobWrites } from '../../store/records/blob/containers.ts'
import { deleteTagIndexes, insertTagIndexes } from '../../store/records/blob/tags.ts'
import { BlobFault } from './faults.ts'
import type { ServiceSeal } from './service-seal.ts'

export type Tags = Readonly<Record<string, string>>

const MAX_TAGS = 10
const MAX_NAME = 128
const MAX_VALUE = 256
const permitted = /^[A-Za-z0-9 +\-./:=_]*$/

/**
 * @param pairs names and values as they came
 * @returns null for none
 * @throws BlobFault `tags-invalid`
 * @see https://learn.microsoft.com/rest/api/storageservices/set-blob-tags#request-body
 */
export function parseTags(pairs: Iterable<readonly [name: string, value: string]>): Tags | null {
  const tags = new Map<string, string>()
  for (const [name, value] of pairs) {
    if (tags.has(name)) throw new BlobFault('tags-invalid', { reason: 'two tags have one name' })
    assertTag(name, value)
    tags.set(name, value)
  }
  if (tags.size > MAX_TAGS)
    throw new BlobFault('tags-invalid', { reason: `a blob has no more than ${MAX_TAGS} tags` })
  return tags.size === 0 ? null : Object.fromEntries(tags)
}

function assertTag(name: string, value: string): void {
  if (name.length < 1 || name.length > MAX_NAME)
    throw new BlobFault('tags-invalid', { reason: `the name of a tag has 1 to ${MAX_NAME} characters` })
  if (value.length > MAX_VALUE)
    throw new BlobFault('tags-invalid', { reason: `the value of a tag has up to ${MAX_VALUE} characters` })
  if (!permitted.test(name) || !permitted.test(value))
    throw new BlobFault('tags-invalid', { reason: 'tags have letters, digits, spaces and + - . / : = _' })
}

interface BlobName {
  readonly container: string
  readonly name: string
}

/** Keeps the index in step with a base blob's tags; null: it has none, or is gone. Nothing to do for most blobs. */
export async function settleTags(
  db: BlobWrites,
  seal: ServiceSeal,
  { container, name }: BlobName,
  { before, after }: { readonly before: Tags | null; readonly after: Tags | null },
): Promise<void> {
  if (before === null && after === null) return
  if (before !== null) await deleteTagIndexes(db, { container, name })
  const indexes = Object.entries(after ?? {}).flatMap(([tag, value]) => [
    seal.tagIndex(tag, value),
    seal.tagIndex(tag, null),
  ])
  await insertTagIndexes(db, { account: seal.account.uid, container, name }, indexes)
}
