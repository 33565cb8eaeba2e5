import { HttpFault } from './faults.ts'

/** No path may hold them: C0, DEL and C1. */
const control = /\p{Cc}/u
const unencoded = /[^\x20-\x7e]/

/**
 * The path of a request target, decoded once. Double slashes are one (az sends `//metadata/endpoints`), unless the
 * protocol keeps paths as they are.
 * @throws HttpFault `path-malformed`
 */
export function decodePath(rawPath: string, keepsPaths = false): string {
  if (unencoded.test(rawPath)) throw malformed('it holds a character that must be percent-encoded')
  let path = percentDecoded(rawPath)
  if (control.test(path)) throw malformed('it holds a control character')
  if (keepsPaths) return path
  if (path.includes('//')) path = path.replace(/\/{2,}/g, '/')
  if (!path.startsWith('/')) throw malformed('it does not begin with a slash')
  if (/\/\.\.?(\/|$)/.test(path)) throw malformed('it holds a `.` or `..` segment')
  return path
}

function percentDecoded(rawPath: string): string {
  if (!rawPath.includes('%')) return rawPath
  try {
    return decodeURIComponent(rawPath)
  } catch {
    throw malformed('the percent-encoding is not valid UTF-8')
  }
}

function malformed(reason: string): HttpFault<'path-malformed'> {
  return new HttpFault('path-malformed', { reason })
}

interface PathOptions {
  readonly ignoreCase: boolean
  /** Whether a slash at the end belongs to what `{name+}` takes, instead of meaning nothing. */
  readonly keepsSlash?: boolean
}

export interface CompiledPath {
  /** The parameters when `path` fits, else null. */
  match(path: string): Readonly<Record<string, string>> | null
}

const placeholder = /\{([A-Za-z]+)([?+]?)\}/g

/**
 * Compiles a pattern of `Operation.path`. A segment may hold several plain placeholders: `/Entities(a='{a}',b='{b}')`.
 *
 * @throws TypeError for a pattern that is none
 */
export function compilePath(pattern: string, options: PathOptions): CompiledPath {
  const names: string[] = []
  const source = pattern
    .split('/')
    .slice(1)
    .map((segment) => {
      const [first, ...more] = segment.matchAll(placeholder)
      for (const found of first === undefined ? [] : [first, ...more]) names.push(found[1] ?? '')
      const written = segment.replaceAll(placeholder, '')
      const marks = new Set([first, ...more].map((found) => found?.[2]))
      if (/[{}]/.test(written) || (more.length > 0 && (marks.has('?') || marks.has('+')))) {
        throw new TypeError(`not a path pattern: ${pattern}`)
      }
      return segmentSource(segment, first?.[2] ?? '')
    })
    .join('')
  // `s`: a line separator (U+2028) in a name is a character like any other.
  const end = options.keepsSlash === true && pattern.endsWith('+}') ? '' : '/?'
  const expression = new RegExp(`^${source}${end}$`, options.ignoreCase ? 'is' : 's')
  return {
    match(path) {
      const found = expression.exec(path)
      if (found === null) return null
      return Object.fromEntries(names.map((name, index) => [name, found[index + 1] ?? '']))
    },
  }
}

function segmentSource(segment: string, mark: string): string {
  const one = mark === '+' ? '(.+?)' : mark === '?' ? '([^/]*)' : '([^/]+)'
  const literals = segment.split(/\{[A-Za-z]+[?+]?\}/)
  const source = `/${literals.map(escape).join(one)}`
  return mark === '?' ? `(?:${source})?` : source
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
