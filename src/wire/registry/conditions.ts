import type { RequestHead } from '../../http/operation.ts'

/** Content never changes under its digest, so that is its tag. */
export function etagOf(digest: string): string {
  return `"${digest}"`
}

/** RFC 9110 section 13.1.2; clients that leave the quotes out are understood. */
export function isNotModified({ headers }: RequestHead, digest: string): boolean {
  const header = headers.get('if-none-match')
  return (
    header !== undefined && header.split(',').some((tag) => tag.trim() === '*' || namesDigest(tag, digest))
  )
}

/** RFC 9110 section 13.1.5: whether the range still is of what the client has. A date never is. */
export function isRangeCurrent({ headers }: RequestHead, digest: string): boolean {
  const header = headers.get('if-range')
  return header === undefined || namesDigest(header, digest)
}

function namesDigest(tag: string, digest: string): boolean {
  return (
    tag
      .trim()
      .replace(/^W\//, '')
      .replace(/^"(.*)"$/, '$1') === digest
  )
}
