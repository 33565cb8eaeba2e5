import { SaxesParser } from 'saxes'
import type { Reply } from '../../http/operation.ts'

/** A document to be written: an element's children, its text, or nothing (an empty element). */
export type XmlContent = string | number | boolean | null | readonly XmlElement[]
export type XmlElement = readonly [
  name: string,
  content: XmlContent,
  attributes?: Readonly<Record<string, string>>,
]

/** XML 1.0 section 2.2: what no document may hold, not even escaped. */
const forbidden = /[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/u

/** Whether a text can stand in a document as it is. */
export function isXmlText(text: string): boolean {
  return !forbidden.test(text)
}

/** As the storage services write it: declaration, no indentation. */
export function writeXml(root: XmlElement): string {
  return `<?xml version="1.0" encoding="utf-8"?>${element(root)}`
}

export function xmlReply(root: XmlElement, status = 200): Reply {
  return { status, headers: { 'content-type': 'application/xml' }, body: Buffer.from(writeXml(root)) }
}

function element([name, content, attributes]: XmlElement): string {
  const written = Object.entries(attributes ?? {})
    .map(([key, value]) => ` ${key}="${escapeXml(value)}"`)
    .join('')
  if (content === null || content === '') return `<${name}${written} />`
  return `<${name}${written}>${isElements(content) ? content.map(element).join('') : escapeXml(String(content))}</${name}>`
}

function isElements(content: XmlContent): content is readonly XmlElement[] {
  return Array.isArray(content)
}

/** What cannot stand in a document, such as a query's value that an error tells back, is shown as a replacement character. */
function escapeXml(raw: string): string {
  const text = isXmlText(raw) ? raw : Array.from(raw, (one) => (isXmlText(one) ? one : '\ufffd')).join('')
  return /[&<>"]/.test(text)
    ? text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
    : text
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
