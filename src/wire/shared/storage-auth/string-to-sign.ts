import type { RequestHead } from '../../../http/operation.ts'
import { culturalOrder, ordinalOrder } from './header-order.ts'

export type SharedKeyScheme = 'sharedkey' | 'sharedkeylite'

/** Between verb and `x-ms-` headers, in this order. */
const signedHeaders = [
  'content-encoding',
  'content-language',
  'content-length',
  'content-md5',
  'content-type',
  'date',
  'if-modified-since',
  'if-match',
  'if-none-match',
  'if-unmodified-since',
  'range',
] as const

/**
 * What the client has signed of the request, in each order of the headers that clients use: one string, or two where the
 * orders differ. Path and query are those of the request line, so neither host, port nor a decoding of ours has a part in it.
 *
 * https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key#constructing-the-signature-string
 */
export function stringsToSign(
  head: RequestHead,
  scheme: SharedKeyScheme,
  accountName: string,
): readonly string[] {
  const isLite = scheme === 'sharedkeylite'
  const lines = [head.method, ...(isLite ? liteHeaders(head) : fullHeaders(head))]
  const resource = isLite ? liteResource(head, accountName) : fullResource(head, accountName)
  const names = [...head.headers.keys()].filter((name) => name.startsWith('x-ms-'))
  const strings = [culturalOrder(names), ordinalOrder(names)].map((ordered) =>
    [...lines, ...ordered.map((name) => `${name}:${head.headers.get(name)?.trim() ?? ''}`), resource].join(
      '\n',
    ),
  )
  return [...new Set(strings)]
}

function fullHeaders({ headers }: RequestHead): readonly string[] {
  return signedHeaders.map((name) => {
    const value = headers.get(name) ?? ''
    // https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key#content-length-header-in-version-2014-02-14-and-earlier
    if (name === 'content-length' && value === '0')
      return (headers.get('x-ms-version') ?? '') >= '2015-02-21' ? '' : '0'
    return name === 'date' ? dateLine(headers) : value
  })
}

function liteHeaders({ headers }: RequestHead): readonly string[] {
  return [headers.get('content-md5') ?? '', headers.get('content-type') ?? '', dateLine(headers)]
}

/** `x-ms-date` takes its place, and is signed among its like. */
function dateLine(headers: RequestHead['headers']): string {
  return headers.has('x-ms-date') ? '' : (headers.get('date') ?? '')
}

function fullResource(head: RequestHead, accountName: string): string {
  const values = new Map<string, string[]>()
  for (const [name, value] of head.query) {
    const key = name.toLowerCase()
    const known = values.get(key)
    if (known === undefined) values.set(key, [value])
    else known.push(value)
  }
  const query = ordinalOrder([...values.keys()]).map(
    (name) => `${name}:${ordinalOrder(values.get(name) ?? []).join(',')}`,
  )
  return [pathOf(head, accountName), ...query].join('\n')
}

function liteResource(head: RequestHead, accountName: string): string {
  const path = pathOf(head, accountName)
  for (const [name, value] of head.query) if (name.toLowerCase() === 'comp') return `${path}?comp=${value}`
  return path
}

/** In path style the account stands there twice, as Azure has it for its emulator. */
function pathOf({ target }: RequestHead, accountName: string): string {
  return `/${accountName}${target.split('?', 1)[0] ?? ''}`
}
