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

// A string, a comment, a bare word, a bracket, or anything else.
const token =
  /"(?:[^"\\]|\\[^])*"|\/\/[^\n]*|\/\*[^]*?\*\/|[A-Za-z_$][\w$]*|[[\]{}]|\s+|[^\s"[\]{}/A-Za-z_$]+|[^]/g
const bareKey = /^(?:\s|\/\/[^\n]*(?:\n|$)|\/\*[^]*?\*\/)*:/
// eslint-disable-next-line no-control-regex -- what JSON wants escaped in a string
const control = /[\u0000-\u001f]/g

/** Quotes bare keys and escapes line ends in strings; comments and trailing commas are left to the parser. */
function toJsonc(text: string): PlainText {
  let plain = ''
  let depth = 0
  const shifts: { readonly from: number; readonly by: number }[] = []
  for (const { 0: part, index } of text.matchAll(token)) {
    let written = part
    if (part.startsWith('"')) written = part.replace(control, escaped)
    else if (
      /^[A-Za-z_$]/.test(part) &&
      bareKey.test(text.slice(index + part.length, index + part.length + 1000))
    ) {
      written = `"${part}"`
    } else if (part === '{' || part === '[') depth += 1
    else if (part === '}' || part === ']') depth -= 1
    if (depth > MAX_DEPTH) throw invalidContent(`the body is nested more than ${MAX_DEPTH} deep`)
    plain += written
    if (written.length !== part.length) {
      shifts.push({ from: plain.length, by: plain.length - (index + part.length) })
    }
  }
  return {
    text: plain,
    originalOffset: (offset) => offset - (shifts.findLast(({ from }) => from <= offset)?.by ?? 0),
  }
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}
