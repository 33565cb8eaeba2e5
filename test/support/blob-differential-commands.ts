import fc from 'fast-check'
import {
  type Command,
  type Fill,
  type Said,
  fill,
  first,
  kindsOfRequests,
  lease,
  leaseIds,
  metadata,
  names,
  one,
  said,
  sequencesOf,
} from './blob-model-commands.ts'
import { containerRequests, oddRequests } from './blob-differential-tables.ts'

/** What the model of `blob-model.ts` does without. */
type WireCommand = { readonly name: string } & (
  | ({ readonly do: 'put-all'; readonly fill: Fill; readonly as: PutAs } & Said)
  | ({ readonly do: 'head' } & Said)
  | ({ readonly do: 'get-metadata' } & Said)
  | { readonly do: 'read-md5'; readonly from: number; readonly count: number }
  | { readonly do: 'read-snapshot'; readonly index: number }
  | { readonly do: 'get-block-list'; readonly which: string; readonly lease: string | null }
  | { readonly do: 'get-page-ranges'; readonly from: number; readonly count: number }
  | { readonly do: 'change-lease'; readonly id: string; readonly to: string }
  | { readonly do: 'set-tags'; readonly tags: string; readonly lease: string | null }
  | { readonly do: 'get-tags'; readonly lease: string | null }
  | { readonly do: 'tier'; readonly tier: string; readonly lease: string | null }
  | ({
      readonly do: 'copy'
      readonly from: string
      readonly waits: boolean
      readonly metadata: string
    } & Said)
  | ({ readonly do: 'sequence'; readonly action: string; readonly number: number | null } & Said)
  | ({
      readonly do: 'pages-if'
      readonly comparison: 'le' | 'lt' | 'eq'
      readonly number: number
      readonly seed: number
    } & Said)
  | { readonly do: 'list-blobs'; readonly query: string }
  | { readonly do: 'odd'; readonly index: number }
  | { readonly do: 'container'; readonly index: number }
)

/** Whatever else is told of a new blob. */
export interface PutAs {
  readonly type: 'BlockBlob' | 'AppendBlob' | 'PageBlob'
  readonly md5: 'none' | 'right' | 'wrong'
  readonly tags: string
  readonly tier: string
  readonly headers: boolean
}

export type DifferentialCommand = Exclude<Command, { readonly do: 'wait' | 'restart' | 'key' }> | WireCommand

const tags = fc.constantFrom('', 'a=1', 'a=2&b=x%20y')
const tier = fc.constantFrom('', '', 'Hot', 'Cool', 'Cold', 'Archive', 'P10', 'Tepid')
const as = fc.record({
  type: fc.constantFrom<PutAs['type'][]>('BlockBlob', 'BlockBlob', 'BlockBlob', 'AppendBlob', 'PageBlob'),
  md5: fc.constantFrom<PutAs['md5'][]>('none', 'right', 'wrong'),
  tags,
  tier: fc.oneof({ weight: 3, arbitrary: fc.constant('') }, { weight: 1, arbitrary: tier }),
  headers: fc.boolean(),
})
const listings = [
  '',
  'delimiter=/',
  'prefix=a&delimiter=/',
  'prefix=a/&include=metadata',
  'include=snapshots,metadata,tags',
  'include=uncommittedblobs,copy',
  'maxresults=1',
  'maxresults=2',
  'maxresults=0',
  'include=nonsense',
  'delimiter=/&include=snapshots',
]
const span = { from: fc.nat(1_200), count: fc.nat(900) }

const anyOf = (rows: readonly unknown[]) => fc.nat(rows.length - 1)

export const differentialCommands = sequencesOf<DifferentialCommand>([
  ...kindsOfRequests,
  [4, one('put-all', { fill, as, ...said }, 'blocks')],
  [2, one('head', said)],
  [1, one('get-metadata', said)],
  [2, one('read-md5', span)],
  [3, one('read-snapshot', { index: fc.constantFrom(0, 0, 1) }, 'blocks')],
  [
    4,
    one(
      'get-block-list',
      { which: fc.constantFrom('', 'all', 'committed', 'uncommitted', 'some'), lease },
      'blocks',
    ),
  ],
  [4, one('get-page-ranges', { from: fc.nat(9), count: fc.nat(6) }, 'pages')],
  [3, one('change-lease', { id: fc.constantFrom(...leaseIds), to: fc.constantFrom(...leaseIds) })],
  [2, one('set-tags', { tags, lease })],
  [2, one('get-tags', { lease })],
  [3, one('tier', { tier, lease }, 'blocks')],
  [
    5,
    one('copy', { from: fc.constantFrom(...Object.values(names)), waits: fc.boolean(), metadata, ...said }),
  ],
  [
    2,
    one(
      'sequence',
      {
        action: fc.constantFrom('max', 'update', 'increment', 'other'),
        number: fc.constantFrom(null, 0, 3, 9),
        ...said,
      },
      'pages',
    ),
  ],
  [
    2,
    one(
      'pages-if',
      {
        comparison: fc.constantFrom('le', 'lt', 'eq'),
        number: fc.constantFrom(0, 3, 9),
        seed: fc.nat(255),
        ...said,
      },
      'pages',
    ),
  ],
  [3, one('list-blobs', { query: fc.constantFrom(...listings) })],
  [5, one('odd', { index: anyOf(oddRequests('')) })],
  [4, one('container', { index: anyOf(containerRequests('')) })],
])
/** Every row of the tables once. */
export const tableCommands: readonly DifferentialCommand[] = [
  ...first,
  ...oddRequests('').map((_, index) => ({ do: 'odd', name: names.blocks, index }) as const),
  ...containerRequests('').map((_, index) => ({ do: 'container', name: names.blocks, index }) as const),
]
