import { type RequestHead, queryValue } from '../../http/operation.ts'
import { BlobFault } from '../../services/blob/faults.ts'
import { type ListedBlock, MAX_COMMITTED_BLOCKS } from '../../services/blob/put-block-list.ts'
import { type XmlNode, parseXml } from '../shared/xml.ts'

const MAX_ID_BYTES = 64

/** `blockid`, base64 of 1 to 64 bytes. @throws BlobFault `query-missing`, `query-invalid` */
export function blockIdOf(head: RequestHead): string {
  const value = queryValue(head, 'blockid')
  if (value === undefined || value === '') throw new BlobFault('query-missing', { name: 'blockid' })
  if (isBlockId(value)) return value
  throw new BlobFault('query-invalid', { name: 'blockid', value, reason: 'Not base64 of 1 to 64 bytes.' })
}

/** @throws BlobFault `query-invalid` */
export function blockListTypeOf(head: RequestHead): 'committed' | 'uncommitted' | 'all' {
  const value = queryValue(head, 'blocklisttype') ?? 'committed'
  const kind = value.toLowerCase()
  if (kind === 'committed' || kind === 'uncommitted' || kind === 'all') return kind
  throw new BlobFault('query-invalid', { name: 'blocklisttype', value })
}

const lists: Readonly<Record<string, ListedBlock['from']>> = {
  Committed: 'committed',
  Uncommitted: 'uncommitted',
  Latest: 'latest',
}

/**
 * `BlockList`, in the order of its elements.
 * @throws BlobFault `document-invalid`, `block-list-invalid`, `block-list-too-long`, `block-id-malformed`
 */
export function blockListOf(raw: Uint8Array): readonly ListedBlock[] {
  const root = parseXml(raw)
  if (root?.name !== 'BlockList') throw new BlobFault('document-invalid', { reason: 'no BlockList' })
  if (root.children.length > MAX_COMMITTED_BLOCKS) throw new BlobFault('block-list-too-long', {})
  return root.children.map(listed)
}

function listed({ name, text }: XmlNode): ListedBlock {
  const from = Object.hasOwn(lists, name) ? lists[name] : undefined
  if (from === undefined) {
    throw new BlobFault('block-list-invalid', {
      reason: `${name} is none of ${Object.keys(lists).join(', ')}`,
    })
  }
  const id = text.trim()
  if (!isBlockId(id)) throw new BlobFault('block-id-malformed', { id })
  return { from, id }
}

function isBlockId(text: string): boolean {
  const raw = Buffer.from(text, 'base64')
  return raw.length >= 1 && raw.length <= MAX_ID_BYTES && raw.toString('base64') === text
}
