import { createHash } from 'node:crypto'
import {
  type Headers,
  type OfBlob,
  type Requests,
  leaseHeaders,
  metadataHeaders,
  saidHeaders,
  write,
} from './blob-differential-ask.ts'
import type { PutAs } from './blob-differential-commands.ts'
import { xml } from './blob-differential-tables.ts'
import { bytesOf } from './blob-model-commands.ts'
import { PAGE } from './blob-model.ts'

/** Whole blobs, and what is told of them. */
export const wholes: Requests<
  'put' | 'put-all' | 'new-append' | 'new-pages' | 'snapshot' | 'delete' | 'delete-snapshot' | 'copy'
> = {
  put: ({ fill, metadata, ...said }, told) =>
    write('Put Blob', {
      headers: { ...saidHeaders(said, told), ...metadataHeaders(metadata), 'x-ms-blob-type': 'BlockBlob' },
      body: bytesOf(fill),
    }),

  'put-all'({ fill, as, ...said }, told) {
    const { headers, body } = putAll(as, bytesOf(fill))
    return write('Put Blob', { headers: { ...saidHeaders(said, told), ...headers }, body })
  },

  'new-append': (said, told) =>
    write('Put Blob', { headers: { ...saidHeaders(said, told), 'x-ms-blob-type': 'AppendBlob' } }),

  'new-pages': ({ count, ...said }, told) =>
    write('Put Blob', {
      headers: {
        ...saidHeaders(said, told),
        'x-ms-blob-type': 'PageBlob',
        'x-ms-blob-content-length': String(count * PAGE),
      },
    }),

  snapshot: ({ metadata, ...said }, told) =>
    write('Snapshot Blob', {
      query: 'comp=snapshot',
      headers: { ...saidHeaders(said, told), ...metadataHeaders(metadata) },
    }),

  delete: ({ snapshots, ...said }, told) =>
    write('Delete Blob', {
      method: 'DELETE',
      headers: {
        ...saidHeaders(said, told),
        ...(snapshots === 'none' ? {} : { 'x-ms-delete-snapshots': snapshots }),
      },
    }),

  'delete-snapshot'({ name, index }, { snapshots }) {
    const moment = snapshots.get(name)?.[index]
    if (moment === undefined) return null
    return write('Delete Blob', { method: 'DELETE', query: `snapshot=${encodeURIComponent(moment)}` })
  },

  copy: ({ from, waits, metadata, ...said }, told) =>
    write(waits ? 'Copy Blob From URL' : 'Copy Blob', {
      headers: {
        ...saidHeaders(said, told),
        ...metadataHeaders(metadata),
        'x-ms-copy-source': told.sourceOf(from),
        ...(waits ? { 'x-ms-requires-sync': 'true' } : {}),
      },
    }),
}

export const changes: Requests<'properties' | 'metadata' | 'lease' | 'change-lease' | 'set-tags' | 'tier'> = {
  properties: ({ contentType, ...said }, told) =>
    write('Set Blob Properties', {
      query: 'comp=properties',
      headers: {
        ...saidHeaders(said, told),
        ...(contentType === '' ? {} : { 'x-ms-blob-content-type': contentType }),
      },
    }),

  metadata: ({ metadata, ...said }, told) =>
    write('Set Blob Metadata', {
      query: 'comp=metadata',
      headers: { ...saidHeaders(said, told), ...metadataHeaders(metadata) },
    }),

  // A minute, so that no lease runs out within a run.
  lease({ action, id, seconds }) {
    const period = seconds === 0 ? '0' : '60'
    const more: Headers =
      action === 'acquire'
        ? { 'x-ms-proposed-lease-id': id, 'x-ms-lease-duration': seconds === null ? '-1' : '60' }
        : action === 'break'
          ? seconds === null
            ? {}
            : { 'x-ms-lease-break-period': period }
          : { 'x-ms-lease-id': id }
    return leaseWrite(action, more)
  },

  'change-lease': ({ id, to }) => leaseWrite('change', { 'x-ms-lease-id': id, 'x-ms-proposed-lease-id': to }),

  'set-tags'({ tags, lease }) {
    const rows = [...new URLSearchParams(tags)].map(
      ([key, value]) => `<Tag><Key>${key}</Key><Value>${value}</Value></Tag>`,
    )
    return write('Set Blob Tags', {
      query: 'comp=tags',
      headers: leaseHeaders(lease),
      body: xml(`<Tags><TagSet>${rows.join('')}</TagSet></Tags>`),
    })
  },

  tier: ({ tier, lease }) =>
    write('Set Blob Tier', {
      query: 'comp=tier',
      headers: { ...leaseHeaders(lease), 'x-ms-access-tier': tier },
    }),
}

function leaseWrite(action: string, headers: Headers): OfBlob {
  return write('Lease Blob', { query: 'comp=lease', headers: { 'x-ms-lease-action': action, ...headers } })
}

function putAll({ type, md5, tags, tier, headers }: PutAs, bytes: Buffer) {
  const body = type === 'BlockBlob' ? bytes : Buffer.alloc(0)
  const summed = md5 === 'wrong' ? Buffer.from('another') : body
  const set = {
    'x-ms-blob-content-type': 'text/x-one',
    'x-ms-blob-content-language': 'ko',
    'x-ms-blob-content-encoding': 'identity',
    'x-ms-blob-content-disposition': 'attachment',
    'x-ms-blob-cache-control': 'no-store',
  }
  return {
    body,
    headers: {
      'x-ms-blob-type': type,
      ...(type === 'PageBlob'
        ? { 'x-ms-blob-content-length': '1024', 'x-ms-blob-sequence-number': '2' }
        : {}),
      ...(md5 === 'none' ? {} : { 'content-md5': createHash('md5').update(summed).digest('base64') }),
      ...(tags === '' ? {} : { 'x-ms-tags': tags }),
      ...(tier === '' ? {} : { 'x-ms-access-tier': tier }),
      ...(headers ? set : {}),
    },
  }
}
