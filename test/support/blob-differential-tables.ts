import { leaseIds, names } from './blob-model-commands.ts'

/** One request, without where it goes and who signs it. */
export interface Ask {
  /** As Microsoft's documents name it. */
  readonly operation: string
  readonly method: string
  /** Below the account. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
  /** Whose ETag the answer tells: the container's where there is none. */
  readonly blob?: string
  readonly isWrite?: boolean
}

type Row = readonly [
  operation: string,
  method: string,
  query: string,
  headers?: Readonly<Record<string, string>>,
  body?: string | number,
]

export function xml(document: string): Buffer {
  return Buffer.from(`<?xml version="1.0" encoding="utf-8"?>${document}`)
}

const block = { 'x-ms-blob-type': 'BlockBlob' }
const update = { 'x-ms-page-write': 'update' }
const [lease = ''] = leaseIds
const acquire = { 'x-ms-lease-action': 'acquire', 'x-ms-proposed-lease-id': lease }
/** Stands for what the server has told of the blob. */
export const ETAG = '{etag}'
/** Stands for the URL of a blob on that server. */
const urlOf = (blob: string) => `{${blob}}`
export const urlPattern = /^\{(.*)\}$/
const never = 'Thu, 01 Jan 2099 00:00:00 GMT'
const long = 'Mon, 01 Jan 2001 00:00:00 GMT'
const id = (text: string) => `comp=block&blockid=${encodeURIComponent(Buffer.from(text).toString('base64'))}`

/** Where something is wrong, or seldom said; of the blob of each type. */
const ofBlobs: readonly (readonly [blob: string, readonly Row[]])[] = [
  [
    names.blocks,
    [
      ['Put Blob', 'PUT', '', {}, 'x'],
      ['Put Blob', 'PUT', '', { 'x-ms-blob-type': 'OtherBlob' }, 'x'],
      ['Put Blob', 'PUT', '', { ...block, 'content-md5': 'nonsense' }, 'x'],
      ['Put Blob', 'PUT', '', { ...block, 'x-ms-meta-1a': 'x' }, 'x'],
      ['Put Blob', 'PUT', '', { ...block, 'x-ms-lease-id': 'nonsense' }, 'x'],
      ['Put Blob', 'PUT', '', { ...block, 'x-ms-tags': 'a=1&b=<' }, 'x'],
      ['Put Blob', 'PUT', '', { ...block, 'if-modified-since': never }, 'x'],
      ['Put Blob', 'PUT', '', { ...block, 'if-unmodified-since': long }, 'x'],
      ['Put Blob', 'PUT', '', { ...block, 'if-unmodified-since': never }, 'x'],
      ['Put Block', 'PUT', 'comp=block', {}, 'x'],
      ['Put Block', 'PUT', 'comp=block&blockid=*', {}, 'x'],
      ['Put Block', 'PUT', id('b1'), {}, ''],
      ['Put Block', 'PUT', id('b1'), { 'content-md5': 'AAAAAAAAAAAAAAAAAAAAAA==' }, 'x'],
      ['Put Block', 'PUT', id('b1'), {}, 'x'],
      ['Put Block', 'PUT', id('longer'), {}, 'x'],
      ['Put Block', 'PUT', id('b0'), {}, 'x'],
      [
        'Put Block List',
        'PUT',
        'comp=blocklist',
        {},
        '<BlockList><Latest>YjA=</Latest><Latest>YjA=</Latest></BlockList>',
      ],
      ['Put Block List', 'PUT', 'comp=blocklist', {}, '<BlockList'],
      ['Put Block List', 'PUT', 'comp=blocklist', {}, '<BlockList><Latest>bm93</Latest></BlockList>'],
      ['Get Blob', 'GET', '', { 'x-ms-range': 'bytes=0-' }],
      ['Get Blob', 'GET', '', { 'x-ms-range': 'bytes=5-2' }],
      ['Get Blob', 'GET', '', { 'x-ms-range': 'bytes=-5' }],
      ['Get Blob', 'GET', '', { 'x-ms-range': 'letters' }],
      ['Get Blob', 'GET', '', { range: 'bytes=0-9', 'x-ms-range': 'bytes=0-4' }],
      ['Get Blob', 'GET', '', { range: 'bytes=0-9' }],
      ['Get Blob', 'GET', '', { range: 'bytes=0-1,3-4' }],
      ['Get Blob', 'GET', '', { 'x-ms-range-get-content-md5': 'true' }],
      ['Get Blob', 'GET', '', { 'x-ms-range': 'bytes=0-1', 'x-ms-range-get-content-crc64': 'true' }],
      ['Get Blob', 'GET', '', { 'x-ms-lease-id': 'nonsense' }],
      ['Get Blob', 'GET', '', { 'if-modified-since': never }],
      ['Get Blob', 'GET', '', { 'if-modified-since': long }],
      ['Get Blob', 'GET', '', { 'if-unmodified-since': long }],
      ['Get Blob', 'GET', '', { 'if-unmodified-since': 'letters' }],
      ['Get Blob', 'GET', '', { 'if-none-match': ETAG, 'if-modified-since': long }],
      ['Get Blob', 'GET', '', { 'if-none-match': ETAG, 'if-modified-since': never }],
      ['Get Blob', 'GET', '', { 'if-match': ETAG, 'if-unmodified-since': long }],
      ['Get Blob', 'GET', '', { 'if-none-match': `"0x1", ${ETAG}` }],
      ['Set Blob Metadata', 'PUT', 'comp=metadata', { 'if-match': ETAG, 'if-unmodified-since': long }],
      ['Set Blob Metadata', 'PUT', 'comp=metadata', { 'if-none-match': '"0x1"', 'if-modified-since': never }],
      ['Set Blob Metadata', 'PUT', 'comp=metadata', { 'if-match': ETAG, 'if-modified-since': long }],
      ['Set Blob Metadata', 'PUT', 'comp=metadata', { 'if-match': `"0x1", ${ETAG}` }],
      ['Get Blob', 'GET', '', { 'x-ms-if-tags': '"a" = \'1\'' }],
      ['Get Blob', 'GET', 'rsct=a/b'],
      ['Get Blob', 'GET', 'snapshot=2020-01-01T00:00:00.0000000Z'],
      ['Get Blob', 'GET', 'snapshot=letters'],
      ['Get Page Ranges', 'GET', 'comp=pagelist'],
      ['Append Block', 'PUT', 'comp=appendblock', {}, 'x'],
      ['Put Page', 'PUT', 'comp=page', { ...update, 'x-ms-range': 'bytes=0-511' }, 512],
      ['Set Blob Metadata', 'PUT', 'comp=metadata', { 'x-ms-meta-1a': 'x' }],
      ['Set Blob Metadata', 'PUT', 'comp=metadata', { 'x-ms-meta-CaMel': 'x', 'x-ms-meta-b': 'y y' }],
      ['Set Blob Metadata', 'PUT', 'comp=metadata&snapshot=2020-01-01T00:00:00.0000000Z', {}],
      ['Set Blob Metadata', 'PUT', 'comp=metadata', { 'if-modified-since': never }],
      ['Set Blob Properties', 'PUT', 'comp=properties', { 'x-ms-blob-content-md5': 'nonsense' }],
      [
        'Set Blob Properties',
        'PUT',
        'comp=properties',
        { 'x-ms-blob-cache-control': 'a', 'x-ms-blob-content-language': 'b' },
      ],
      [
        'Set Blob Tags',
        'PUT',
        'comp=tags',
        {},
        '<Tags><TagSet><Tag><Key>a</Key><Value>*</Value></Tag></TagSet></Tags>',
      ],
      [
        'Set Blob Tags',
        'PUT',
        'comp=tags',
        {},
        '<Tags><TagSet><Tag><Key></Key><Value>x</Value></Tag></TagSet></Tags>',
      ],
      ['Set Blob Properties', 'PUT', 'comp=properties', { 'x-ms-sequence-number-action': 'increment' }],
      ['Set Blob Tags', 'PUT', 'comp=tags', {}, '<Tags>'],
      ['Set Blob Tier', 'PUT', 'comp=tier', {}],
      [
        'Set Blob Tier',
        'PUT',
        'comp=tier&snapshot=2020-01-01T00:00:00.0000000Z',
        { 'x-ms-access-tier': 'Cool' },
      ],
      ['Snapshot Blob', 'PUT', 'comp=snapshot', { 'x-ms-meta-1a': 'x' }],
      ['Snapshot Blob', 'PUT', 'comp=snapshot', { 'if-unmodified-since': long }],
      ['Delete Blob', 'DELETE', 'snapshot=2020-01-01T00:00:00.0000000Z'],
      [
        'Delete Blob',
        'DELETE',
        'snapshot=2020-01-01T00:00:00.0000000Z',
        { 'x-ms-delete-snapshots': 'include' },
      ],
      ['Delete Blob', 'DELETE', '', { 'x-ms-delete-snapshots': 'some' }],
      ['Undelete Blob', 'PUT', 'comp=undelete'],
      ['Lease Blob', 'PUT', 'comp=lease', {}],
      ['Lease Blob', 'PUT', 'comp=lease', { 'x-ms-lease-action': 'steal' }],
      ['Lease Blob', 'PUT', 'comp=lease', { 'x-ms-lease-action': 'acquire', 'x-ms-lease-duration': '14' }],
      ['Lease Blob', 'PUT', 'comp=lease', { 'x-ms-lease-action': 'acquire', 'x-ms-lease-duration': '61' }],
      [
        'Lease Blob',
        'PUT',
        'comp=lease',
        { 'x-ms-lease-action': 'acquire', 'x-ms-lease-duration': '15', 'x-ms-proposed-lease-id': 'nonsense' },
      ],
      ['Lease Blob', 'PUT', 'comp=lease', { 'x-ms-lease-action': 'renew' }],
      ['Lease Blob', 'PUT', 'comp=lease', { 'x-ms-lease-action': 'change', 'x-ms-lease-id': lease }],
      ['Lease Blob', 'PUT', 'comp=lease', { 'x-ms-lease-action': 'break', 'x-ms-lease-break-period': '61' }],
      [
        'Abort Copy Blob',
        'PUT',
        'comp=copy&copyid=11111111-1111-4111-8111-111111111111',
        { 'x-ms-copy-action': 'abort' },
      ],
      ['Copy Blob', 'PUT', '', { 'x-ms-copy-source': 'letters' }],
      ['Copy Blob From URL', 'PUT', '', { 'x-ms-copy-source': urlOf('none'), 'x-ms-requires-sync': 'true' }],
      ['Lease Blob', 'PUT', 'comp=lease', { ...acquire, 'x-ms-lease-duration': '60' }],
      ['Lease Blob', 'PUT', 'comp=lease', { 'x-ms-lease-action': 'break', 'x-ms-lease-break-period': '0' }],
      ['Put Block', 'PUT', id('b1'), {}, 'x'],
      ['Get Block List', 'GET', 'comp=blocklist&snapshot=2020-01-01T00:00:00.0000000Z'],
      ['none', 'PUT', 'comp=nonsense'],
      ['none', 'POST', ''],
      ['Set Blob Tier', 'PUT', 'comp=tier', { 'x-ms-access-tier': 'Archive' }],
      ['Put Blob', 'PUT', '', block, 'x'],
      ['Set Blob Tier', 'PUT', 'comp=tier', { 'x-ms-access-tier': 'Archive' }],
      ['Set Blob Tier', 'PUT', 'comp=tier', { 'x-ms-access-tier': 'Hot' }],
      ['Put Blob', 'PUT', '', { ...block, 'x-ms-access-tier': 'Archive' }, 'x'],
      ['Get Blob', 'GET', '', { 'x-ms-range': 'bytes=9-' }],
      ['Copy Blob', 'PUT', '', { 'x-ms-copy-source': urlOf(names.blocks), 'x-ms-access-tier': 'Archive' }],
      [
        'Copy Blob From URL',
        'PUT',
        '',
        { 'x-ms-copy-source': urlOf(names.blocks), 'x-ms-requires-sync': 'true' },
      ],
      ['Put Blob', 'PUT', '', block, 'x'],
      ['Copy Blob', 'PUT', '', { 'x-ms-copy-source': urlOf(names.blocks) }],
      ['Put Block', 'PUT', id('b0'), {}, 'x'],
      ['Put Block List', 'PUT', 'comp=blocklist', {}, '<BlockList><Latest>YjA=</Latest></BlockList>'],
      ['Set Blob Tier', 'PUT', 'comp=tier', { 'x-ms-access-tier': 'Cool' }],
      ['Get Blob Properties', 'HEAD', ''],
      ['Put Blob', 'PUT', '', block, 'x'],
      ['Get Blob Properties', 'HEAD', ''],
      ['Lease Blob', 'PUT', 'comp=lease', { ...acquire, 'x-ms-lease-duration': '60' }],
      ['Set Blob Tier', 'PUT', 'comp=tier', { 'x-ms-access-tier': 'Hot' }],
      ['Put Blob', 'PUT', '', { 'x-ms-blob-type': 'AppendBlob' }],
      ['Put Block', 'PUT', id('b1'), {}, 'x'],
    ],
  ],
  [
    names.appends,
    [
      ['Put Blob', 'PUT', '', { 'x-ms-blob-type': 'AppendBlob' }, 'x'],
      ['Append Block', 'PUT', 'comp=appendblock', {}, ''],
      ['Append Block', 'PUT', 'comp=appendblock', { 'x-ms-blob-condition-maxsize': '10' }, 'xxxxx'],
      ['Append Block', 'PUT', 'comp=appendblock', { 'x-ms-blob-condition-appendpos': '-1' }, 'x'],
      ['Append Block', 'PUT', 'comp=appendblock', { 'content-md5': 'AAAAAAAAAAAAAAAAAAAAAA==' }, 'x'],
      ['Get Block List', 'GET', 'comp=blocklist'],
      ['Put Block', 'PUT', id('b1'), {}, 'x'],
      ['Set Blob Tier', 'PUT', 'comp=tier', { 'x-ms-access-tier': 'Cool' }],
      ['Snapshot Blob', 'PUT', 'comp=snapshot'],
    ],
  ],
  [
    names.pages,
    [
      ['Put Blob', 'PUT', '', { 'x-ms-blob-type': 'PageBlob' }],
      ['Put Blob', 'PUT', '', { 'x-ms-blob-type': 'PageBlob', 'x-ms-blob-content-length': '511' }],
      ['Put Blob', 'PUT', '', { 'x-ms-blob-type': 'PageBlob', 'x-ms-blob-content-length': '512' }, 512],
      ['Put Page', 'PUT', 'comp=page', { ...update }, 512],
      ['Put Page', 'PUT', 'comp=page', { ...update, 'x-ms-range': 'bytes=0-1023' }, 512],
      ['Put Page', 'PUT', 'comp=page', { ...update, 'x-ms-range': 'bytes=0-510' }, 511],
      ['Put Page', 'PUT', 'comp=page', { ...update, 'x-ms-range': 'bytes=1-512' }, 512],
      ['Put Page', 'PUT', 'comp=page', { 'x-ms-range': 'bytes=0-511' }, 512],
      ['Put Page', 'PUT', 'comp=page', { 'x-ms-page-write': 'other', 'x-ms-range': 'bytes=0-511' }, 512],
      ['Put Page', 'PUT', 'comp=page', { 'x-ms-page-write': 'clear', 'x-ms-range': 'bytes=0-511' }, 512],
      [
        'Put Page',
        'PUT',
        'comp=page',
        { ...update, 'x-ms-range': 'bytes=0-511', 'content-md5': 'AAAAAAAAAAAAAAAAAAAAAA==' },
        512,
      ],
      ['Get Page Ranges', 'GET', 'comp=pagelist', { 'x-ms-range': 'bytes=512-' }],
      ['Put Page', 'PUT', 'comp=page', { ...update, 'x-ms-range': 'bytes=0-1023' }, 1_024],
      ['Get Page Ranges', 'GET', 'comp=pagelist', { 'x-ms-range': 'bytes=1-600' }],
      ['Set Blob Properties', 'PUT', 'comp=properties', { 'x-ms-blob-content-length': '511' }],
      ['Copy Blob', 'PUT', '', { 'x-ms-copy-source': urlOf(names.pages) }],
      ['Get Blob', 'GET', '', { 'x-ms-range': 'bytes=0-' }],
    ],
  ],
  [
    'missing',
    [
      ['Put Blob', 'PUT', '', { ...block, 'x-ms-lease-id': lease }, 'x'],
      ['Put Block', 'PUT', id('b1'), {}, 'x'],
      ['Lease Blob', 'PUT', 'comp=lease', { ...acquire, 'x-ms-lease-duration': '60' }],
      ['Get Blob', 'GET', ''],
      ['Get Blob Properties', 'HEAD', ''],
      ['Get Block List', 'GET', 'comp=blocklist'],
      ['Get Blob Tags', 'GET', 'comp=tags'],
      ['Delete Blob', 'DELETE', ''],
      ['Append Block', 'PUT', 'comp=appendblock', {}, 'x'],
      ['Put Page', 'PUT', 'comp=page', { ...update, 'x-ms-range': 'bytes=0-511' }, 512],
      ['Set Blob Metadata', 'PUT', 'comp=metadata'],
      ['Put Block List', 'PUT', 'comp=blocklist', { 'if-match': '*' }, '<BlockList/>'],
      ['Lease Blob', 'PUT', 'comp=lease', { 'x-ms-lease-action': 'break' }],
      ['Snapshot Blob', 'PUT', 'comp=snapshot'],
      ['Put Block List', 'PUT', 'comp=blocklist', { 'if-unmodified-since': long }, '<BlockList/>'],
      ['Get Blob', 'GET', '', { 'x-ms-range': 'bytes=0-' }],
      ['Delete Blob', 'DELETE', ''],
      ['Put Block', 'PUT', id('b1'), {}, 'x'],
    ],
  ],
  [
    'a b%/é+',
    [
      ['Put Blob', 'PUT', '', block, 'x'],
      ['Get Blob', 'GET', ''],
      ['Delete Blob', 'DELETE', ''],
    ],
  ],
  [
    names.appends,
    [
      ['Put Blob', 'PUT', '', { 'x-ms-blob-type': 'AppendBlob' }],
      ['Append Block', 'PUT', 'comp=appendblock', {}, 'x'],
    ],
  ],
  ['listed', [['Put Block List', 'PUT', 'comp=blocklist', {}, '<BlockList/>']]],
  ['copied', [['Copy Blob', 'PUT', '', { 'x-ms-copy-source': urlOf(names.appends) }]]],
  [names.appends, [['Append Block', 'PUT', 'comp=appendblock', {}, 'x']]],
  ['copied', [['Get Blob', 'GET', '']]],
]

const tooLong = 'n'.repeat(1_025)

/** Requests that most clients never send. */
export function oddRequests(container: string): readonly Ask[] {
  return [
    ...ofBlobs.flatMap(([blob, rows]) =>
      rows.map((row) => asked(row, `/${container}/${encodeURI(blob)}`, blob)),
    ),
    asked(['Get Blob', 'GET', ''], '/none-such/blob'),
    asked(['Put Blob', 'PUT', '', block, 'x'], '/none-such/blob'),
    asked(['Put Blob', 'PUT', '', block, 'x'], '/A_b/blob'),
    asked(['Put Blob', 'PUT', '', block, 'x'], `/${container}/${tooLong}`, tooLong),
  ]
}

const inContainer: readonly Row[] = [
  ['List Blobs', 'GET', 'comp=list'],
  ['Create Container', 'PUT', ''],
  ['Create Container', 'PUT', '', { 'x-ms-blob-public-access': 'nonsense' }],
  ['Get Container Properties', 'GET', ''],
  ['Get Container Properties', 'HEAD', ''],
  ['Get Container Metadata', 'GET', 'comp=metadata'],
  ['Set Container Metadata', 'PUT', 'comp=metadata', { 'x-ms-meta-Key': 'one' }],
  ['Set Container Metadata', 'PUT', 'comp=metadata', { 'x-ms-meta-1a': 'one' }],
  ['Set Container Metadata', 'PUT', 'comp=metadata', { 'if-modified-since': never }],
  ['Set Container Metadata', 'PUT', 'comp=metadata', { 'x-ms-lease-id': lease }],
  ['Get Container ACL', 'GET', 'comp=acl'],
  [
    'Set Container ACL',
    'PUT',
    'comp=acl',
    { 'x-ms-blob-public-access': 'blob' },
    '<SignedIdentifiers><SignedIdentifier><Id>one</Id><AccessPolicy><Start>2020-01-01T00:00:00.0000000Z</Start><Expiry>2021-01-01T00:00:00.0000000Z</Expiry><Permission>rl</Permission></AccessPolicy></SignedIdentifier></SignedIdentifiers>',
  ],
  ['Set Container ACL', 'PUT', 'comp=acl', {}, '<SignedIdentifiers/>'],
  ['Set Container ACL', 'PUT', 'comp=acl', {}, '<SignedIdentifiers'],
  [
    'Lease Container',
    'PUT',
    'comp=lease',
    { 'x-ms-lease-action': 'acquire', 'x-ms-lease-duration': '60', 'x-ms-proposed-lease-id': lease },
  ],
  ['Lease Container', 'PUT', 'comp=lease', { 'x-ms-lease-action': 'renew', 'x-ms-lease-id': lease }],
  [
    'Lease Container',
    'PUT',
    'comp=lease',
    { 'x-ms-lease-action': 'change', 'x-ms-lease-id': lease, 'x-ms-proposed-lease-id': leaseIds[1] ?? '' },
  ],
  ['Lease Container', 'PUT', 'comp=lease', { 'x-ms-lease-action': 'release', 'x-ms-lease-id': lease }],
  ['Lease Container', 'PUT', 'comp=lease', { 'x-ms-lease-action': 'break', 'x-ms-lease-break-period': '0' }],
  ['Lease Container', 'PUT', 'comp=lease', { 'x-ms-lease-action': 'break' }],
  ['Delete Container', 'DELETE', '', { 'x-ms-lease-id': leaseIds[1] ?? '' }],
  ['Delete Container', 'DELETE', '', { 'if-unmodified-since': long }],
  ['List Blobs', 'GET', 'comp=list', { 'x-ms-lease-id': leaseIds[1] ?? '' }],
]

const rules =
  '<Cors><CorsRule><AllowedOrigins>http://a</AllowedOrigins><AllowedMethods>GET</AllowedMethods><AllowedHeaders>*</AllowedHeaders><ExposedHeaders>*</ExposedHeaders><MaxAgeInSeconds>60</MaxAgeInSeconds></CorsRule></Cors>'
const service: readonly Row[] = [
  [
    'Set Blob Service Properties',
    'PUT',
    'restype=service&comp=properties',
    {},
    `<StorageServiceProperties>${rules}</StorageServiceProperties>`,
  ],
  [
    'Set Blob Service Properties',
    'PUT',
    'restype=service&comp=properties',
    {},
    '<StorageServiceProperties><Cors/></StorageServiceProperties>',
  ],
  ['Set Blob Service Properties', 'PUT', 'restype=service&comp=properties', {}, '<StorageServiceProperties'],
  ['Get Blob Service Properties', 'GET', 'restype=service&comp=properties'],
  ['Get Account Information', 'GET', 'restype=account&comp=properties'],
  ['Get Blob Service Stats', 'GET', 'restype=service&comp=stats'],
]

/** To the container, and to the service. */
export function containerRequests(container: string): readonly Ask[] {
  return [
    ...inContainer.map(([operation, method, query, ...rest]) =>
      asked([operation, method, `restype=container&${query}`, ...rest], `/${container}`),
    ),
    asked(['Create Container', 'PUT', 'restype=container'], '/A_b'),
    asked(['Get Container Properties', 'HEAD', 'restype=container'], '/none-such'),
    asked(['Delete Container', 'DELETE', 'restype=container'], '/none-such'),
    asked(['List Blobs', 'GET', 'restype=container&comp=list'], '/none-such'),
    ...service.map((row) => asked(row, '/')),
    asked(['List Containers', 'GET', `comp=list&include=metadata&prefix=${container}`], '/'),
  ]
}

function asked([operation, method, query, headers, body]: Row, path: string, blob?: string): Ask {
  return {
    operation,
    method,
    path: query === '' ? path : `${path}?${query}`,
    isWrite: method !== 'GET' && method !== 'HEAD',
    ...(headers === undefined ? {} : { headers }),
    ...(body === undefined
      ? {}
      : { body: typeof body === 'number' ? Buffer.alloc(body, 7) : Buffer.from(body) }),
    ...(blob === undefined ? {} : { blob }),
  }
}
