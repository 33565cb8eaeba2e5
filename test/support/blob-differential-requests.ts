import {
  type Headers,
  type OfBlob,
  type Requests,
  type Told,
  leaseHeaders,
  rangeHeader,
  read,
  saidHeaders,
} from './blob-differential-ask.ts'
import type { DifferentialCommand } from './blob-differential-commands.ts'
import { parts } from './blob-differential-parts.ts'
import { type Ask, ETAG, containerRequests, oddRequests, urlPattern } from './blob-differential-tables.ts'
import { changes, wholes } from './blob-differential-wholes.ts'
import { PAGE } from './blob-model.ts'

/** @returns null for a command that has nothing to be done to on that server */
export function askOf(command: DifferentialCommand, told: Told): Ask | null {
  const { name: blob } = command
  if (command.do === 'odd') return filled(rowOf(oddRequests(told.container), command.index), told)
  if (command.do === 'container') return rowOf(containerRequests(told.container), command.index)
  if (command.do === 'list-blobs') return listAsk(told.container, command.query)
  const make = requests[command.do] as (command: DifferentialCommand, told: Told) => OfBlob | null
  const found = make(command, told)
  if (found === null) return null
  const { query, ...ask } = found
  return {
    ...ask,
    blob,
    path: `/${told.container}/${encodeURI(blob)}${query === undefined ? '' : `?${query}`}`,
  }
}

export function listAsk(container: string, query: string): Ask {
  return {
    operation: 'List Blobs',
    method: 'GET',
    path: `/${container}?restype=container&comp=list&${query}`,
  }
}

/** All that is there of a blob. */
export function getAsk(container: string, blob: string): Ask {
  return { operation: 'Get Blob', method: 'GET', path: `/${container}/${encodeURI(blob)}`, blob }
}

function filled(ask: Ask | null, told: Told): Ask | null {
  if (ask?.headers === undefined) return ask
  const etag = told.etags.get(ask.blob ?? '') ?? '"0x2"'
  const headers = Object.entries(ask.headers).map(([name, value]) => [
    name,
    value.replace(ETAG, etag).replace(urlPattern, (_, blob: string) => told.sourceOf(blob)),
  ])
  return { ...ask, headers: Object.fromEntries(headers) as Headers }
}

function rowOf(rows: readonly Ask[], index: number): Ask | null {
  return rows[index % rows.length] ?? null
}

const reads: Requests<
  | 'read'
  | 'read-md5'
  | 'read-snapshot'
  | 'head'
  | 'get-metadata'
  | 'get-tags'
  | 'get-block-list'
  | 'get-page-ranges'
> = {
  read: ({ from, count, ...said }, told) =>
    read('Get Blob', { headers: { ...saidHeaders(said, told), ...rangeHeader(from % 1_200, count % 900) } }),

  'read-md5': ({ from, count }) =>
    read('Get Blob', { headers: { ...rangeHeader(from, count), 'x-ms-range-get-content-md5': 'true' } }),

  'read-snapshot'({ name, index }, { snapshots }) {
    const moment = snapshots.get(name)?.[index]
    return moment === undefined ? null : read('Get Blob', { query: `snapshot=${encodeURIComponent(moment)}` })
  },

  head: (said, told) => read('Get Blob Properties', { method: 'HEAD', headers: saidHeaders(said, told) }),

  'get-metadata': (said, told) =>
    read('Get Blob Metadata', { query: 'comp=metadata', headers: saidHeaders(said, told) }),

  'get-tags': ({ lease }) => read('Get Blob Tags', { query: 'comp=tags', headers: leaseHeaders(lease) }),

  'get-block-list': ({ which, lease }) =>
    read('Get Block List', {
      query: `comp=blocklist${which === '' ? '' : `&blocklisttype=${which}`}`,
      headers: leaseHeaders(lease),
    }),

  'get-page-ranges': ({ from, count }) =>
    read('Get Page Ranges', {
      query: 'comp=pagelist',
      headers: count === 0 ? {} : { 'x-ms-range': `bytes=${from * PAGE}-${(from + count) * PAGE - 1}` },
    }),
}

const requests = { ...wholes, ...parts, ...changes, ...reads }
