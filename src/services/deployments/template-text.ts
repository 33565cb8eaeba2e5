import { type Node, type ParseError, parseTree, printParseErrorCode } from 'jsonc-parser'
import type { Json } from '../../kernel/json.ts'
import { invalidContent } from '../resources/envelope.ts'

/** Where something stands in a text; both count from 1. */
export interface Position {
  readonly line: number
  readonly column: number
}

export interface ParsedText {
  readonly value: Json
  /** Where an object or array of `value` begins. */
  positionOf(part: Json): Position
}

const MAX_DEPTH = 64
/** Values and members: what is parsed takes far more memory than its text. */
const MAX_PARTS = 200_000

/**
 * Reads a deployment's body. What az sends is not JSON: it puts the template's file as it is behind an unquoted
 * `template:`, so comments, trailing commas and strings of several lines are taken too.
 *
 * @throws ResourceFault `InvalidRequestContent`
 */
export function parseTemplateText(text: string): ParsedText {
  const plain = toJsonc(text)
  const errors: ParseError[] = []
  const root = parseTree(plain.text, errors, { allowTrailingComma: true })
  const [first] = errors
  if (first !== undefined || root === undefined) {
    const { line, column } = positionAt(text, plain.originalOffset(first?.offset ?? 0))
    const problem = first === undefined ? 'the body is empty' : printParseErrorCode(first.error)
    throw invalidContent(`${problem} at line ${line}, position ${column}`)
  }
  const offsets = new WeakMap<object, number>()
  const value = toValue(root, offsets)
  return {
    value,
    positionOf(part) {
      const offset = typeof part === 'object' && part !== null ? (offsets.get(part) ?? 0) : 0
      return positionAt(text, plain.originalOffset(offset))
    },
  }
}

function toValue(node: Node, offsets: WeakMap<object, number>): Json {
  if (node.type === 'object') {
    // fromEntries defines members, whatever their name: `__proto__` is one like any other.
    const made = Object.fromEntries(
      (node.children ?? []).flatMap(({ children }) => {
        const [name, value] = children ?? []
        return name === undefined || value === undefined
          ? []
          : [[String(name.value), toValue(value, offsets)] as const]
      }),
    )
    offsets.set(made, node.offset)
    return made
  }
  if (node.type === 'array') {
    const made = (node.children ?? []).map((child) => toValue(child, offsets))
    offsets.set(made, node.offset)
    return made
  }
  return node.value as Json
}

function positionAt(text: string, offset: number): Position {
  const before = text.slice(0, offset).split('\n')
  return { line: before.length, column: (before.at(-1)?.length ?? 0) + 1 }
}

interface PlainText {
  readonly text: string
  /** Where a place of the plain text stands in what was sent. */
  originalOffset(offset: number): number
}

/** A run of the text that is copied as it is, or changed as a whole. */
interface Piece {
  readonly kind: 'string' | 'blank' | 'word' | 'other'
  readonly start: number
  readonly end: number
}

// eslint-disable-next-line no-control-regex -- what JSON wants escaped in a string
const control = /[\u0000-\u001f]/g

/**
 * Quotes bare keys and escapes line ends in strings; comments and trailing commas are left to the parser. Every character
 * is looked at once: a hostile text takes no longer than a friendly one.
 */
function toJsonc(text: string): PlainText {
  const parts: string[] = []
  const shifts: { readonly from: number; readonly by: number }[] = []
  let length = 0
  const write = ({ start, end }: Piece, written: string): void => {
    parts.push(written)
    length += written.length
    if (written.length !== end - start) shifts.push({ from: length, by: length - end })
  }
  let depth = 0
  let separators = 0
  /** A bare word, and the blanks after it, until it is known whether a colon follows. */
  let held: Piece[] = []
  const release = (isKey: boolean): void => {
    for (const piece of held) {
      const raw = text.slice(piece.start, piece.end)
      write(piece, isKey && piece.kind === 'word' ? `"${raw}"` : raw)
    }
    held = []
  }
  for (let at = 0; at < text.length;) {
    const piece = readPiece(text, at)
    at = piece.end
    const raw = text.slice(piece.start, piece.end)
    depth += raw === '{' || raw === '[' ? 1 : raw === '}' || raw === ']' ? -1 : 0
    if (raw === ',' || raw === ':') separators += 1
    if (separators > MAX_PARTS) throw invalidContent(`the body has more than ${MAX_PARTS} values`)
    if (depth > MAX_DEPTH) throw invalidContent(`the body is nested more than ${MAX_DEPTH} deep`)
    if (piece.kind === 'word') release(false)
    if (piece.kind === 'word' || (piece.kind === 'blank' && held.length > 0)) {
      held.push(piece)
      continue
    }
    release(raw === ':')
    write(piece, piece.kind === 'string' ? raw.replace(control, escaped) : raw)
  }
  release(false)
  return {
    text: parts.join(''),
    originalOffset: (offset) => offset - (shifts.findLast(({ from }) => from <= offset)?.by ?? 0),
  }
}

function readPiece(text: string, start: number): Piece {
  const first = text.charAt(start)
  if (first === '"') return { kind: 'string', start, end: endOfString(text, start) }
  if (first === '/' && text.charAt(start + 1) === '/') {
    const end = text.indexOf('\n', start)
    return { kind: 'blank', start, end: end < 0 ? text.length : end }
  }
  if (first === '/' && text.charAt(start + 1) === '*') {
    const end = text.indexOf('*/', start + 2)
    if (end < 0) throw brokenOff('comment', text, start)
    return { kind: 'blank', start, end: end + 2 }
  }
  if (isBlank(first)) return { kind: 'blank', start, end: runOf(text, start, isBlank) }
  if (isWordStart(first)) return { kind: 'word', start, end: runOf(text, start, isWordPart) }
  return { kind: 'other', start, end: start + 1 }
}

function endOfString(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at += 1) {
    const character = text.charAt(at)
    if (character === '\\') at += 1
    else if (character === '"') return at + 1
  }
  throw brokenOff('string', text, start)
}

function brokenOff(what: string, text: string, start: number) {
  const { line, column } = positionAt(text, start)
  return invalidContent(`the ${what} at line ${line}, position ${column} does not end`)
}

function runOf(text: string, start: number, belongs: (character: string) => boolean): number {
  let end = start + 1
  while (end < text.length && belongs(text.charAt(end))) end += 1
  return end
}

function isBlank(character: string): boolean {
  return character === ' ' || character === '\n' || character === '\r' || character === '\t'
}

function isWordStart(character: string): boolean {
  return /[A-Za-z_$]/.test(character)
}

function isWordPart(character: string): boolean {
  return /[\w$]/.test(character)
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
