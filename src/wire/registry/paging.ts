import type { RequestHead } from '../../http/operation.ts'
import { RegistryFault } from '../../services/registry/faults.ts'

const MAX_PAGE = 1_000

/** @throws RegistryFault `page-size-invalid` */
export function pageSize({ query }: RequestHead, standard: number): number {
  const n = query.get('n')
  if (n === null || n === '') return standard
  if (!/^\d{1,15}$/.test(n)) throw new RegistryFault('page-size-invalid', { n: n.slice(0, 50) })
  return Math.min(MAX_PAGE, Number(n))
}

/** RFC 8288. Relative, and always with a query: az takes the target apart at `?` and `=`. */
export function nextLink(
  path: string,
  query: Readonly<Record<string, string | number | null>>,
): Record<string, string> {
  const parameters = Object.entries(query).flatMap(([name, value]) =>
    value === null ? [] : [`${name}=${encodeURIComponent(value)}`],
  )
  return { link: `<${path}?${parameters.join('&')}>; rel="next"` }
}
