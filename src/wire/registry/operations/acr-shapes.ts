import type { RequestHead } from '../../../http/operation.ts'
import { azureTime } from '../../../kernel/clock.ts'
import { type JsonObject, isJsonObject } from '../../../kernel/json.ts'
import { KIB } from '../../../kernel/units.ts'
import type { Attributes } from '../../../services/registry/attributes.ts'
import { RegistryFault } from '../../../services/registry/faults.ts'
import type { RegistryCaller } from '../../../services/registry/registry-caller.ts'
import type { ListOrder, ListPosition } from '../../../services/registry/tags.ts'
import { nextLink, pageSize } from '../paging.ts'

export const reads = {
  needs: { action: 'metadata_read', repository: 'param' },
  body: { kind: 'none' },
} as const
export const writes = {
  needs: { action: 'metadata_write', repository: 'param' },
  body: { kind: 'json', maxBytes: 64 * KIB },
} as const
export const deletes = { needs: { action: 'delete', repository: 'param' }, body: { kind: 'none' } } as const
const PAGE = 100

const orders: ReadonlyMap<string, ListOrder> = new Map([
  ['timeasc', 'oldest'],
  ['timedesc', 'newest'],
])

/** `n`, `last`, `orderby` and our own `at` of a list. */
export function listing(head: RequestHead): {
  readonly order: ListOrder
  readonly limit: number
  readonly after: ListPosition | null
} {
  const { query } = head
  const last = query.get('last')
  const at = query.get('at')
  return {
    order: orders.get((query.get('orderby') ?? '').toLowerCase()) ?? 'key',
    limit: pageSize(head, PAGE),
    after:
      last === null || last === ''
        ? null
        : { key: last, at: at !== null && /^\d{1,15}$/.test(at) ? Number(at) : null },
  }
}

/** `at` keeps the place in an order by time when the last row of a page is gone before the next is asked for. */
export function linkTo(path: string, head: RequestHead, next: ListPosition | null): Record<string, string> {
  if (next === null) return {}
  const orderby = head.query.get('orderby')
  const digest = head.query.get('digest')
  const { order, limit } = listing(head)
  return nextLink(path, { last: next.key, n: limit, orderby, digest, at: order === 'key' ? null : next.at })
}

/** Only what is named changes; what the service does not know is ignored. @throws RegistryFault `attributes-invalid` */
export function readAttributes(json: unknown): Partial<Attributes> {
  if (json === undefined) return {}
  if (!isJsonObject(json))
    throw new RegistryFault('attributes-invalid', { reason: 'the body is not an object' })
  const names = ['deleteEnabled', 'writeEnabled', 'readEnabled', 'listEnabled'] as const
  const change: { -readonly [K in keyof Attributes]?: boolean } = {}
  for (const name of names) {
    const value = json[name]
    if (value === undefined || value === null) continue
    if (typeof value !== 'boolean') {
      throw new RegistryFault('attributes-invalid', { reason: `${name} is not true or false` })
    }
    change[name] = value
  }
  return change
}

/** What every answer about a repository begins with. */
export function envelope({ registry }: RegistryCaller, name: string): JsonObject {
  return { registry: registry.loginServer, imageName: name }
}

/** From milliseconds since 1970. */
export function time(milliseconds: number): string {
  return azureTime(new Date(milliseconds))
}
