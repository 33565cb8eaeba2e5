import { HttpFault } from './faults.ts'

// eslint-disable-next-line no-control-regex -- the characters that no path may hold
const control = /[\u0000-\u001f\u007f]/

/**
 * The path of a request target, decoded once. Double slashes are one (az sends `//metadata/endpoints`).
 * @throws HttpFault `path-malformed`
 */
export function decodePath(rawPath: string): string {
  let path: string
  try {
    path = rawPath.includes('%') ? decodeURIComponent(rawPath) : rawPath
  } catch {
    throw new HttpFault('path-malformed', { reason: 'the percent-encoding is not valid UTF-8' })
  }
  if (control.test(path)) throw new HttpFault('path-malformed', { reason: 'it holds a control character' })
  if (path.includes('//')) path = path.replace(/\/{2,}/g, '/')
  if (!path.startsWith('/'))
    throw new HttpFault('path-malformed', { reason: 'it does not begin with a slash' })
  if (/(^|\/)\.\.?(\/|$)/.test(path)) {
    throw new HttpFault('path-malformed', { reason: 'it holds a `.` or `..` segment' })
  }
  return path
}

export interface CompiledPath {
  /** The parameters when `path` fits, else null. */
  match(path: string): Readonly<Record<string, string>> | null
}

const placeholder = /\{([A-Za-z]+)([?+]?)\}/

/** Compiles a pattern of `Operation.path`. */
export function compilePath(pattern: string, ignoreCase: boolean): CompiledPath {
  const names: string[] = []
  let source = ''
  for (const segment of pattern.split('/').slice(1)) {
    const found = placeholder.exec(segment)
    if (found === null) {
      source += '/' + escape(segment)
      continue
    }
    const [whole, name = '', mark = ''] = found
    names.push(name)
    const before = escape(segment.slice(0, found.index))
    const after = escape(segment.slice(found.index + whole.length))
    if (mark === '?') source += `(?:/${before}([^/]*)${after})?`
    else if (mark === '+') source += `/${before}(.+?)${after}`
    else source += `/${before}([^/]+)${after}`
  }
  const expression = new RegExp(`^${source}/?$`, ignoreCase ? 'i' : '')
  return {
    match(path) {
      const found = expression.exec(path)
      if (found === null) return null
      return Object.fromEntries(names.map((name, index) => [name, found[index + 1] ?? '']))
    },
  }
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
