import { sha256 } from '../../../crypto/digest.ts'
import { hex } from '../../../kernel/bytes.ts'
import type { Json } from '../../../kernel/json.ts'
import { ExpressionProblem } from '../expression.ts'
import type { Scope } from '../scope.ts'
import { type FunctionTable, MANY, between, fixed, intAt, optionalText, textAt, textOf } from './function.ts'

export const strings: FunctionTable = {
  string: fixed(1, ([value = null]) => textOf(value)),
  tolower: fixed(1, (args) => textAt(args, 0).toLowerCase()),
  toupper: fixed(1, (args) => textAt(args, 0).toUpperCase()),
  trim: fixed(1, (args) => textAt(args, 0).trim()),
  format: between(1, MANY, (args) => format(textAt(args, 0), args.slice(1))),
  replace: fixed(3, (args) => replace(textAt(args, 0), textAt(args, 1), textAt(args, 2))),
  split: fixed(2, (args) => split(args)),
  substring: between(2, 3, (args) => substring(args)),
  startswith: fixed(2, (args) => lower(args, 0).startsWith(lower(args, 1))),
  endswith: fixed(2, (args) => lower(args, 0).endsWith(lower(args, 1))),
  indexof: fixed(2, (args) => lower(args, 0).indexOf(lower(args, 1))),
  lastindexof: fixed(2, (args) => lower(args, 0).lastIndexOf(lower(args, 1))),
  padleft: between(2, 3, (args) =>
    textOf(args[0] ?? null).padStart(Math.min(intAt(args, 1), MANY), optionalText(args, 2) ?? ' '),
  ),
  base64: fixed(1, (args) => Buffer.from(textAt(args, 0), 'utf8').toString('base64')),
  base64tostring: fixed(1, (args) => Buffer.from(textAt(args, 0), 'base64').toString('utf8')),
  uricomponent: fixed(1, (args) => encodeURIComponent(textAt(args, 0).toWellFormed())),
  uniquestring: between(1, MANY, (args) => uniqueString(digestOf(args))),
  guid: between(1, MANY, (args) => nameGuid(digestOf(args))),
  newguid: fixed(0, (_, scope) => fresh(scope, 'newGuid').guid()),
  utcnow: fixed(0, (_, scope) =>
    fresh(scope, 'utcNow')
      .now.toISOString()
      .replaceAll(/[-:]|\.\d+/g, ''),
  ),
}

const MAX_TEXT = 1_000_000

/** `{0}` and `{{`; .NET's alignments and number forms are not here. */
function format(pattern: string, args: readonly Json[]): string {
  return pattern.replaceAll(/\{\{|\}\}|\{(\d+)\}|[{}]/g, (found, index?: string) => {
    if (found === '{{') return '{'
    if (found === '}}') return '}'
    const value = index === undefined ? undefined : args[Number(index)]
    if (value === undefined) throw new ExpressionProblem(`the format '${pattern}' does not fit its arguments`)
    return textOf(value)
  })
}

function replace(text: string, old: string, replacement: string): string {
  if (old === '') throw new ExpressionProblem('the text to replace is empty')
  const pieces = text.split(old)
  if (text.length + pieces.length * replacement.length > MAX_TEXT) {
    throw new ExpressionProblem('its value is too large')
  }
  return pieces.join(replacement)
}

function split(args: readonly Json[]): readonly string[] {
  const delimiters = Array.isArray(args[1]) ? args[1].map(textOf) : [textAt(args, 1)]
  const used = delimiters.filter((delimiter) => delimiter !== '')
  if (used.length === 0) return [textAt(args, 0)]
  let pieces = [textAt(args, 0)]
  for (const delimiter of used) pieces = pieces.flatMap((piece) => piece.split(delimiter))
  return pieces
}

function substring(args: readonly Json[]): string {
  const text = textAt(args, 0)
  const start = intAt(args, 1)
  const length = args[2] === undefined ? text.length - start : intAt(args, 2)
  if (start < 0 || length < 0 || start + length > text.length) {
    throw new ExpressionProblem('start and length must lie within the string')
  }
  return text.slice(start, start + length)
}

function lower(args: readonly Json[], index: number): string {
  return textAt(args, index).toLowerCase()
}

function digestOf(args: readonly Json[]): Buffer {
  const texts = args.map((_, index) => textAt(args, index))
  return sha256(Buffer.from(JSON.stringify(texts), 'utf8'))
}

/** 13 characters that are the same for the same arguments; not the ones that Azure makes, which it does not publish. */
function uniqueString(digest: Buffer): string {
  return [...digest.subarray(0, 13)].map((byte) => 'abcdefghijklmnopqrstuvwxyz234567'[byte & 31]).join('')
}

/** The same for the same arguments: RFC 9562 section 5.8. */
function nameGuid(digest: Buffer): string {
  const raw = Buffer.from(digest.subarray(0, 16))
  raw.writeUInt8((raw.readUInt8(6) & 0x0f) | 0x80, 6)
  raw.writeUInt8((raw.readUInt8(8) & 0x3f) | 0x80, 8)
  return hex(raw).replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
}

function fresh(scope: Scope, name: string): NonNullable<Scope['fresh']> {
  if (scope.fresh !== null) return scope.fresh
  throw new ExpressionProblem(`'${name}' is only expected in the default value of a parameter`)
}
