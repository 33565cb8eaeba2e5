import { type RequestHead, queryValue } from '../../http/operation.ts'
import { BlobFault } from '../../services/blob/faults.ts'
import type { BlobMarker, ListBlobs } from '../../services/blob/list-page.ts'

const MAX_RESULTS = 5_000

/**
 * https://learn.microsoft.com/rest/api/storageservices/list-blobs#uri-parameters
 * @throws BlobFault `query-invalid`, `query-out-of-range`
 */
export function listQueryOf(head: RequestHead): ListBlobs {
  const include = includesOf(head, includable)
  return {
    prefix: queryValue(head, 'prefix') ?? '',
    delimiter: queryValue(head, 'delimiter') ?? null,
    from: fromOf(head),
    endBefore: queryValue(head, 'endbefore') ?? null,
    limit: maxResultsOf(head),
    onlyDeleted: onlyDeletedOf(head),
    include: {
      snapshots: include.has('snapshots'),
      versions: include.has('versions'),
      deleted: include.has('deleted'),
      deletedWithVersions: include.has('deletedwithversions'),
      uncommitted: include.has('uncommittedblobs'),
      metadata: include.has('metadata'),
    },
  }
}

/** What only decides of what is shown of a blob. */
export interface Shown {
  readonly copy: boolean
  readonly tags: boolean
  readonly immutability: boolean
  readonly legalHold: boolean
}

export function shownOf(head: RequestHead): Shown {
  const include = includesOf(head, includable)
  return {
    copy: include.has('copy'),
    tags: include.has('tags'),
    immutability: include.has('immutabilitypolicy'),
    legalHold: include.has('legalhold'),
  }
}

const includable: ReadonlySet<string> = new Set([
  'snapshots',
  'metadata',
  'uncommittedblobs',
  'copy',
  'deleted',
  'tags',
  'versions',
  'deletedwithversions',
  'immutabilitypolicy',
  'legalhold',
  // Of accounts with a hierarchical namespace, which none is: nothing more is shown.
  'permissions',
])

/** @throws BlobFault `query-invalid` for what is not `known` */
export function includesOf(head: RequestHead, known: ReadonlySet<string>): ReadonlySet<string> {
  const value = queryValue(head, 'include') ?? ''
  const names = value.split(',').flatMap((one) => (one.trim() === '' ? [] : [one.trim().toLowerCase()]))
  if (!names.every((name) => known.has(name)))
    throw new BlobFault('query-invalid', { name: 'include', value })
  return new Set(names)
}

/** Files and directories are told apart in accounts with a hierarchical namespace alone: here all blobs are files. */
function onlyDeletedOf(head: RequestHead): boolean {
  const value = queryValue(head, 'showonly')
  switch (value?.toLowerCase()) {
    case undefined:
    case '':
    case 'files':
      return false
    case 'deleted':
      return true
    default:
      throw new BlobFault('query-invalid', { name: 'showonly', value: value ?? '' })
  }
}

/** @throws BlobFault `query-out-of-range` */
export function maxResultsOf(head: RequestHead): number {
  const value = queryValue(head, 'maxresults')
  if (value === undefined || value === '') return MAX_RESULTS
  const number = /^\d{1,9}$/.test(value) ? Number(value) : 0
  if (number < 1)
    throw new BlobFault('query-out-of-range', {
      name: 'maxresults',
      value,
      min: '1',
      max: String(MAX_RESULTS),
    })
  return Math.min(number, MAX_RESULTS)
}

/** A marker goes on from where a page ended, so it comes before where the first one began. */
function fromOf(head: RequestHead): BlobMarker {
  const [name = '', moment = ''] = readMarker(head, 2) ?? [queryValue(head, 'startfrom') ?? '']
  return { name, moment }
}

/** Opaque to clients. */
export function writeMarker(parts: readonly string[]): string {
  return Buffer.from(JSON.stringify(parts)).toString('base64url')
}

/** @returns null when there is none. @throws BlobFault `query-invalid` */
export function readMarker(head: RequestHead, count: number): readonly string[] | null {
  const value = queryValue(head, 'marker')
  if (value === undefined || value === '') return null
  const parts = parseMarker(value)
  if (parts?.length !== count) throw new BlobFault('query-invalid', { name: 'marker', value })
  return parts
}

function parseMarker(value: string): readonly string[] | null {
  try {
    const parts: unknown = JSON.parse(Buffer.from(value, 'base64url').toString())
    return Array.isArray(parts) && parts.every((part) => typeof part === 'string') ? parts : null
  } catch {
    return null // Not one of ours: refused by whoever reads it.
  }
}
