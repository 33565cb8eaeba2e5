/** An expression of the template language, parsed. `at` counts characters from 0. */
export type Expression =
  | { readonly kind: 'literal'; readonly value: string | number; readonly at: number }
  | {
      readonly kind: 'call'
      readonly name: string
      readonly args: readonly Expression[]
      readonly at: number
    }
  | {
      readonly kind: 'member'
      readonly target: Expression
      readonly name: Expression
      readonly at: number
    }

/** What is wrong with an expression. The evaluator's caller says where in the template it stands. */
export class ExpressionProblem extends Error {
  override readonly name = 'ExpressionProblem'
}

interface Token {
  readonly kind: 'name' | 'number' | 'string' | 'sign' | 'end'
  readonly text: string
  readonly at: number
}

const MAX_LENGTH = 24_576
const MAX_DEPTH = 64
const token = /\s*(?:([A-Za-z_]\w*)|(-?\d+(?:\.\d+)?)|'((?:[^']|'')*)'|([(),.[\]]))/y

/**
 * Whether a string is an expression: `[…]`, but not `[[…`, which stands for a text that begins with `[`.
 * https://learn.microsoft.com/azure/azure-resource-manager/templates/template-expressions
 */
export function isExpression(text: string): boolean {
  return text.startsWith('[') && text.endsWith(']') && !text.startsWith('[[')
}

/** @param text with its brackets. @throws ExpressionProblem */
export function parseExpression(text: string): Expression {
  if (text.length > MAX_LENGTH) throw new ExpressionProblem(`it is longer than ${MAX_LENGTH} characters`)
  const tokens = readTokens(text.slice(0, -1))
  const reader = { tokens, index: 0 }
  const expression = readExpression(reader, 0)
  expect(reader, 'end', '')
  return expression
}

function readTokens(text: string): readonly Token[] {
  const tokens: Token[] = []
  let at = 1
  while (text.slice(at).trim() !== '') {
    token.lastIndex = at
    const found = token.exec(text)
    if (found === null) throw new ExpressionProblem(`unexpected character at position ${at}`)
    const [, name, number, quoted, sign] = found
    const begin = found.index + found[0].length - found[0].trimStart().length
    at = token.lastIndex
    if (name !== undefined) tokens.push({ kind: 'name', text: name, at: begin })
    else if (number !== undefined) tokens.push({ kind: 'number', text: number, at: begin })
    else if (sign !== undefined) tokens.push({ kind: 'sign', text: sign, at: begin })
    else tokens.push({ kind: 'string', text: (quoted ?? '').replaceAll("''", "'"), at: begin })
  }
  tokens.push({ kind: 'end', text: '', at: text.length })
  return tokens
}

interface Reader {
  readonly tokens: readonly Token[]
  index: number
}

function peek(reader: Reader): Token {
  return reader.tokens[reader.index] ?? { kind: 'end', text: '', at: 0 }
}

function take(reader: Reader): Token {
  const found = peek(reader)
  reader.index += 1
  return found
}

function isSign(reader: Reader, text: string): boolean {
  const { kind, text: found } = peek(reader)
  return kind === 'sign' && found === text
}

function expect(reader: Reader, kind: Token['kind'], text: string): Token {
  const found = take(reader)
  if (found.kind === kind && (text === '' || found.text === text)) return found
  const wanted = text === '' ? kind : `'${text}'`
  throw new ExpressionProblem(
    `expected ${wanted} and found ${found.kind === 'end' ? 'the end' : `'${found.text}'`} at position ${found.at}`,
  )
}

function readExpression(reader: Reader, depth: number): Expression {
  if (depth > MAX_DEPTH) throw new ExpressionProblem(`it is nested more than ${MAX_DEPTH} deep`)
  let expression = readPrimary(reader, depth)
  for (;;) {
    if (isSign(reader, '.')) {
      const { at } = take(reader)
      const name = expect(reader, 'name', '')
      const literal: Expression = { kind: 'literal', value: name.text, at: name.at }
      expression = { kind: 'member', target: expression, name: literal, at }
    } else if (isSign(reader, '[')) {
      const { at } = take(reader)
      const name = readExpression(reader, depth + 1)
      expect(reader, 'sign', ']')
      expression = { kind: 'member', target: expression, name, at }
    } else return expression
  }
}

function readPrimary(reader: Reader, depth: number): Expression {
  const first = take(reader)
  if (first.kind === 'string') return { kind: 'literal', value: first.text, at: first.at }
  if (first.kind === 'number') return { kind: 'literal', value: Number(first.text), at: first.at }
  if (first.kind !== 'name') {
    reader.index -= 1
    return expectNothing(reader)
  }
  expect(reader, 'sign', '(')
  const args: Expression[] = []
  while (!isSign(reader, ')')) {
    if (args.length > 0) expect(reader, 'sign', ',')
    args.push(readExpression(reader, depth + 1))
  }
  take(reader)
  return { kind: 'call', name: first.text, args, at: first.at }
}

function expectNothing(reader: Reader): never {
  const { kind, text, at } = peek(reader)
  throw new ExpressionProblem(
    `expected a function or a value and found ${kind === 'end' ? 'the end' : `'${text}'`} at position ${at}`,
  )
}

/** Every call of that function in an expression, outermost first. */
export function callsOf(expression: Expression, name: string): readonly Expression[] {
  if (expression.kind === 'literal') return []
  if (expression.kind === 'member') {
    return [...callsOf(expression.target, name), ...callsOf(expression.name, name)]
  }
  const inner = expression.args.flatMap((arg) => callsOf(arg, name))
  return expression.name.toLowerCase() === name ? [expression, ...inner] : inner
}
