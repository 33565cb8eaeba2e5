import { BlobFault } from '../../services/blob/faults.ts'
import { type Tags, parseTags } from '../../services/blob/tags.ts'
import { type XmlElement, type XmlNode, child, childText, parseXml } from '../shared/xml.ts'

/** `Tags`. @throws BlobFault `document-invalid`, `tags-invalid` */
export function readTagsXml(raw: Uint8Array): Tags | null {
  const root = parseXml(raw)
  const set = root?.name === 'Tags' ? child(root, 'TagSet') : null
  if (set === null) throw new BlobFault('document-invalid', { reason: 'no TagSet in Tags' })
  return parseTags(set.children.map(readTag))
}

function readTag(node: XmlNode): readonly [string, string] {
  const name = childText(node, 'Key')
  const value = childText(node, 'Value')
  if (node.name !== 'Tag' || name === null || value === null)
    throw new BlobFault('document-invalid', { reason: 'a Tag has a Key and a Value' })
  return [name, value]
}

export function tagsXml(tags: Tags): XmlElement {
  const set = Object.entries(tags).map(([name, value]): XmlElement => [
    'Tag',
    [
      ['Key', name],
      ['Value', value],
    ],
  ])
  return ['Tags', [['TagSet', set]]]
}
