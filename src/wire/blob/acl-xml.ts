import { BlobFault } from '../../services/blob/faults.ts'
import type { PolicyDoc } from '../../services/blob/model.ts'
import { parseSasTime } from '../../services/storage/sas.ts'
import { type XmlElement, type XmlNode, child, childText, parseXml } from '../shared/xml.ts'

const MAX_POLICIES = 5
const MAX_ID_LENGTH = 64

/**
 * The stored access policies of a container; none in an empty body.
 * https://learn.microsoft.com/rest/api/storageservices/set-container-acl#request-body
 *
 * @throws BlobFault `document-invalid`, `document-value-invalid`
 */
export function readAcl(raw: Uint8Array): readonly PolicyDoc[] {
  if (raw.length === 0) return []
  const root = parseXml(raw)
  if (root?.name !== 'SignedIdentifiers') throw malformed('not SignedIdentifiers')
  const policies = root.children.map(readPolicy)
  if (policies.length > MAX_POLICIES) throw malformed(`more than ${MAX_POLICIES} policies`)
  if (new Set(policies.map(({ id }) => id)).size < policies.length) throw malformed('an Id comes twice')
  return policies
}

function readPolicy(node: XmlNode): PolicyDoc {
  const id = childText(node, 'Id')
  if (node.name !== 'SignedIdentifier' || id === null) throw malformed('a SignedIdentifier has an Id')
  if (id === '' || id.length > MAX_ID_LENGTH) throw invalid('Id', id)
  const policy = child(node, 'AccessPolicy')
  const text = (name: string) => (policy === null ? '' : (childText(policy, name)?.trim() ?? ''))
  return {
    id,
    start: time('Start', text('Start')),
    expiry: time('Expiry', text('Expiry')),
    permission: permissions(text('Permission')),
  }
}

/** With seven digits of a second, as Azure gives it back. */
function time(name: string, text: string): string | null {
  if (text === '') return null
  const found = parseSasTime(text)
  if (found === null) throw invalid(name, text)
  return found.toISOString().replace('Z', '0000Z')
}

function permissions(text: string): string | null {
  if (text === '') return null
  if (!/^[racwdxyltfmeopi]+$/.test(text) || new Set(text).size < text.length)
    throw invalid('Permission', text)
  return text
}

export function aclXml(policies: readonly PolicyDoc[]): XmlElement {
  return ['SignedIdentifiers', policies.map(policyXml)]
}

function policyXml({ id, start, expiry, permission }: PolicyDoc): XmlElement {
  const parts: readonly (readonly [string, string | null])[] = [
    ['Start', start],
    ['Expiry', expiry],
    ['Permission', permission],
  ]
  return [
    'SignedIdentifier',
    [
      ['Id', id],
      ['AccessPolicy', parts.filter(([, text]) => text !== null)],
    ],
  ]
}

function malformed(reason: string): BlobFault<'document-invalid'> {
  return new BlobFault('document-invalid', { reason })
}

function invalid(name: string, value: string): BlobFault<'document-value-invalid'> {
  return new BlobFault('document-value-invalid', { name, value })
}
