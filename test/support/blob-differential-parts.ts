import {
  type Headers,
  type Of,
  type OfBlob,
  type Requests,
  type Told,
  leaseHeaders,
  metadataHeaders,
  rangeHeader,
  saidHeaders,
  write,
} from './blob-differential-ask.ts'
import { xml } from './blob-differential-tables.ts'
import { bytesOf } from './blob-model-commands.ts'
import { PAGE } from './blob-model.ts'

/** Blocks and pages. */
export const parts: Requests<
  'block' | 'list' | 'append' | 'seal' | 'pages' | 'pages-if' | 'clear' | 'resize' | 'sequence'
> = {
  block: ({ id, fill, lease }) =>
    write('Put Block', {
      query: `comp=block&blockid=${encodeURIComponent(id)}`,
      headers: leaseHeaders(lease),
      body: bytesOf(fill),
    }),

  list({ blocks, metadata, ...said }, told) {
    const names = { committed: 'Committed', uncommitted: 'Uncommitted', latest: 'Latest' } as const
    const rows = blocks.map(({ from, id }) => `<${names[from]}>${id}</${names[from]}>`)
    return write('Put Block List', {
      query: 'comp=blocklist',
      headers: { ...saidHeaders(said, told), ...metadataHeaders(metadata) },
      body: xml(`<BlockList>${rows.join('')}</BlockList>`),
    })
  },

  append: ({ fill, at, ...said }, told) =>
    write('Append Block', {
      query: 'comp=appendblock',
      headers: {
        ...saidHeaders(said, told),
        ...(at === 'any' ? {} : { 'x-ms-blob-condition-appendpos': at === 'zero' ? '0' : '700' }),
      },
      body: bytesOf(fill),
    }),

  seal: (said, told) => write('Append Blob Seal', { query: 'comp=seal', headers: saidHeaders(said, told) }),

  pages: putPages,
  clear: putPages,

  'pages-if': ({ comparison, number, seed, ...said }, told) =>
    write('Put Page', {
      query: 'comp=page',
      headers: {
        ...saidHeaders(said, told),
        ...pageHeaders('update', 1, 1),
        [`x-ms-if-sequence-number-${comparison}`]: String(number),
      },
      body: bytesOf({ length: PAGE, seed }),
    }),

  resize: ({ count, ...said }, told) =>
    write('Set Blob Properties', {
      query: 'comp=properties',
      headers: { ...saidHeaders(said, told), 'x-ms-blob-content-length': String(count * PAGE) },
    }),

  sequence: ({ action, number, ...said }, told) =>
    write('Set Blob Properties', {
      query: 'comp=properties',
      headers: {
        ...saidHeaders(said, told),
        'x-ms-sequence-number-action': action,
        ...(number === null ? {} : { 'x-ms-blob-sequence-number': String(number) }),
      },
    }),
}

function putPages({ do: action, from, count, seed, ...said }: Of<'pages' | 'clear'>, told: Told): OfBlob {
  return write('Put Page', {
    query: 'comp=page',
    headers: {
      ...saidHeaders(said, told),
      ...pageHeaders(action === 'pages' ? 'update' : 'clear', from, count),
    },
    ...(action === 'pages' ? { body: bytesOf({ length: count * PAGE, seed }) } : {}),
  })
}

function pageHeaders(action: 'update' | 'clear', from: number, count: number): Headers {
  return { 'x-ms-page-write': action, ...rangeHeader(from * PAGE, count * PAGE) }
}
