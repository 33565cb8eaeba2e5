import { SaxesParser } from 'saxes'
import type { Reply } from '../../http/operation.ts'

/** A document to be written: an element's children, its text, or nothing (an empty element). */
export type XmlContent = string | number | boolean | null | readonly XmlElement[] | XmlFragment
export type XmlElement = readonly [
  name: string,
  content: XmlContent,
  attributes?: Readonly<Record<string, string>>,
]

/** Elements that are written already, by `elementXml`: of long lists, which take half the time so. */
export interface XmlFragment {
  readonly written: string
}

/** XML 1.0 section 2.2: what no document may hold, not even escaped. */
const forbidden = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u

/** Whether a text can stand in a document as it is. */
export function isXmlText(text: string): boolean {
  return !forbidden.test(text)
}

/** As the storage services write it: declaration, no indentation. */
export function writeXml(root: XmlElement): string {
  return `<?xml version="1.0" encoding="utf-8"?>${elementXml(root)}`
}

export function xmlReply(root: XmlElement, status = 200): Reply {
  return { status, headers: { 'content-type': 'application/xml' }, body: Buffer.from(writeXml(root)) }
}

/** An element of a document. */
export function elementXml([name, content, attributes]: XmlElement): string {
  const tag = attributes === undefined ? name : `${name}${attributesOf(attributes)}`
  if (content === null || content === '') return `<${tag} />`
  if (typeof content === 'string') return `<${tag}>${escapeXml(content)}</${name}>`
  if (typeof content !== 'object') return `<${tag}>${content}</${name}>`
  return `<${tag}>${'written' in content ? content.written : content.map(elementXml).join('')}</${name}>`
}

/** An element that is left out where it has no content. */
export function optionalXml(name: string, content: string | number | boolean | null | undefined): string {
  return content === null || content === undefined ? '' : elementXml([name, content])
}

function attributesOf(attributes: Readonly<Record<string, string>>): string {
  return Object.entries(attributes)
    .map(([key, value]) => ` ${key}="${escapeXml(value)}"`)
    .join('')
}

/** Nearly all texts: they stand in a document as they are. */
const plain = /^[ !#-%'-;=?-~]*$/

/** What cannot stand in a document, such as a query's value that an error tells back, is shown as a replacement character. */
function escapeXml(raw: string): string {
  if (plain.test(raw)) return raw
  const text = isXmlText(raw) ? raw : Array.from(raw, (one) => (isXmlText(one) ? one : '\ufffd')).join('')
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}

/** An element as it was read. */
export interface XmlNode {
  readonly name: string
  readonly children: readonly XmlNode[]
  readonly text: string
}

/** Deeper than any document of these protocols: what walks the tree afterwards may be recursive. */
const MAX_DEPTH = 32

/**
 * Well-formed documents only. A document type has no place in these protocols: refusing it ends every attack that needs one,
 * and leaves the five entities of XML itself.
 *
 * @returns null for what is no document
 */
export function parseXml(raw: Uint8Array): XmlNode | null {
  const text = decode(raw)
  if (text === null) return null
  const parser = new SaxesParser()
  const root: Growing = { name: '', text: '', children: [] }
  const open: Growing[] = [root]
  const refuse = () => {
    throw new RangeError('not a document of these protocols')
  }
  parser.on('error', refuse)
  parser.on('doctype', refuse)
  parser.on('opentag', ({ name }) => {
    const node = { name: name.replace(/^.*:/, ''), text: '', children: [] }
    open.at(-1)?.children.push(node)
    if (open.push(node) > MAX_DEPTH) refuse()
  })
  parser.on('closetag', () => void open.pop())
  const onText = (more: string) => {
    const node = open.at(-1)
    if (node !== undefined) node.text += more
  }
  parser.on('text', onText)
  parser.on('cdata', onText)
  try {
    parser.write(text).close()
  } catch {
    return null // Not a document: the client learns so, in its protocol's words.
  }
  return root.children[0] ?? null
}

interface Growing {
  readonly name: string
  text: string
  readonly children: Growing[]
}

export function child(node: XmlNode, name: string): XmlNode | null {
  return node.children.find((one) => one.name === name) ?? null
}

export function childText(node: XmlNode, name: string): string | null {
  return child(node, name)?.text ?? null
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

function decode(raw: Uint8Array): string | null {
  try {
    return utf8.decode(raw)
  } catch {
    return null // Not UTF-8: no document that these protocols take.
  }
}
