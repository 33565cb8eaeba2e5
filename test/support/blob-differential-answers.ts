import type { TestResponse } from '../../src/http/testing.ts'
import { type XmlNode, parseXml } from '../../src/wire/shared/xml.ts'
import type { Ask } from './blob-differential-tables.ts'

/** What of an answer is compared: `200`, `412 LeaseIdMissing`; and of one that is no refusal, all that it says besides. */
export interface Shown {
  readonly answer: string
  readonly fields: ReadonlyMap<string, string>
}

/** One field of two answers. */
export interface Difference {
  readonly operation: string
  /** `answer`; the name of a header, or the path of an element. */
  readonly field: string
  /** The element itself, where there are several. */
  readonly at: string
  /** `-`: not said. */
  readonly ours: string
  readonly theirs: string
}

/** What a server has told before, as far as an answer may speak of it. */
export interface Before {
  readonly etags: ReadonlyMap<string, string>
  readonly snapshots: ReadonlyMap<string, readonly string[]>
}

const NOT_SAID = '-'
/** Of the connection, or of one request. */
const unlike = new Set(
  'connection date keep-alive server transfer-encoding x-content-type-options x-ms-request-id x-ms-version'.split(
    ' ',
  ),
)
/** Times and ids: only that they are told is compared. */
const someValue = new Set([
  ...'last-modified x-ms-creation-time x-ms-copy-id x-ms-copy-source x-ms-copy-completion-time'.split(' '),
  ...'x-ms-snapshot x-ms-access-tier-change-time'.split(' '),
  ...'Last-Modified Creation-Time CopyId CopySource CopyCompletionTime AccessTierChangeTime'.split(' '),
  'NextMarker',
])

export function show(ask: Ask, answer: TestResponse, before: Before): Shown {
  const { status, headers } = answer
  const isRefusal = status >= 300
  const document = isXml(answer) ? parseXml(answer.body) : null
  const code = headers['x-ms-error-code'] ?? textOf(document, 'Code')
  if (isRefusal)
    return { answer: code === undefined ? String(status) : `${status} ${String(code)}`, fields: new Map() }
  const fields = new Map<string, string>()
  for (const [name, value] of Object.entries(headers)) {
    if (unlike.has(name) || (name === 'content-length' && (ask.blob === undefined || document !== null)))
      continue
    fields.set(
      name,
      name === 'etag'
        ? etagOf(String(value), before.etags.get(ask.blob ?? ''))
        : valueOf(name, String(value)),
    )
  }
  if (document === null) fields.set('body', answer.body.toString('base64'))
  else if (document.name === 'PageList') fields.set('PageList', pageRuns(document).join())
  else flatten(document, { path: document.name, key: '', before }, fields)
  return { answer: String(status), fields }
}

/** The fields that are not alike. */
export function differences(operation: string, ours: Shown, theirs: Shown): readonly Difference[] {
  if (ours.answer !== theirs.answer)
    return [{ operation, field: 'answer', at: 'answer', ours: ours.answer, theirs: theirs.answer }]
  const found: Difference[] = []
  for (const name of new Set([...ours.fields.keys(), ...theirs.fields.keys()])) {
    const one = ours.fields.get(name) ?? NOT_SAID
    const other = theirs.fields.get(name) ?? NOT_SAID
    // An element that is not there has no children that are.
    const isBelow = [...name.matchAll(/\//g)].some(({ index }) => {
      const above = name.slice(0, index)
      return ours.fields.has(above) !== theirs.fields.has(above)
    })
    if (one !== other && !isBelow)
      found.push({ operation, field: name.replaceAll(/\[.*?\]/g, ''), at: name, ours: one, theirs: other })
  }
  return found
}

/** However the runs of pages are cut. */
function pageRuns({ children }: XmlNode): readonly string[] {
  const runs: { start: number; end: number }[] = []
  for (const range of children) {
    const [start, end] = [Number(textOf(range, 'Start')), Number(textOf(range, 'End')) + 1]
    const last = runs.at(-1)
    if (last?.end === start) last.end = end
    else if (range.name === 'PageRange') runs.push({ start, end })
  }
  return runs.map(({ start, end }) => `${start}-${end}`)
}

function isXml({ headers, body }: TestResponse): boolean {
  return body.length > 0 && headers['content-type']?.startsWith('application/xml') === true
}

function valueOf(name: string, value: string): string {
  if (name === 'x-ms-lease-time') return value === '0' ? value : 'some'
  return someValue.has(name) ? 'some' : value
}

function etagOf(value: string, before: string | undefined): string {
  return value.replaceAll('"', '') === before?.replaceAll('"', '') ? 'as before' : 'another'
}

interface At {
  readonly path: string
  /** The blob that the element is of. */
  readonly key: string
  readonly before: Before
}

/** Leaves by their paths; elements of a list have their names or numbers in those. What is empty says nothing. */
function flatten(node: XmlNode, { path, key, before }: At, fields: Map<string, string>): boolean {
  const { children, name, text } = node
  if (children.length === 0) {
    if (text === '') return false
    fields.set(path, name === 'Etag' ? etagOf(text, before.etags.get(key)) : valueOf(name, text))
    return true
  }
  const told = children.filter((child, index) => {
    if (name === 'Blob' && child.name === 'Snapshot') return false
    const own = textOf(child, 'Name') ?? key
    const isListed = isRow(child) || children.some((other) => other !== child && other.name === child.name)
    const place = !isListed ? '' : `[${isRow(child) ? rowName(child, before) : index}]`
    return flatten(child, { path: `${path}/${child.name}${place}`, key: own, before }, fields)
  })
  if (told.length > 0) fields.set(path, 'there')
  const rows = children.filter(isRow)
  if (rows.length > 1) fields.set(`${path}:order`, rows.map((row) => rowName(row, before)).join())
  return told.length > 0
}

/** `name`; `name@0` for its first snapshot. */
function rowName(row: XmlNode, { snapshots }: Before): string {
  const name = textOf(row, 'Name') ?? ''
  const moment = textOf(row, 'Snapshot')
  return moment === undefined ? name : `${name}@${snapshots.get(name)?.indexOf(moment)}`
}

function isRow({ name }: XmlNode): boolean {
  return name === 'Blob' || name === 'BlobPrefix' || name === 'Container' || name === 'Block'
}

function textOf(node: XmlNode | null, name: string): string | undefined {
  return node?.children.find((child) => child.name === name)?.text
}
