import fc from 'fast-check'
import type { Condition } from './blob-model.ts'

/** What a client may do, with what it says besides. */
export type Command = { readonly name: string } & (
  | ({ readonly do: 'put'; readonly fill: Fill; readonly metadata: string } & Said)
  | { readonly do: 'block'; readonly id: string; readonly fill: Fill; readonly lease: string | null }
  | ({ readonly do: 'list'; readonly blocks: readonly Listed[]; readonly metadata: string } & Said)
  | ({ readonly do: 'new-append' } & Said)
  | ({ readonly do: 'append'; readonly fill: Fill; readonly at: 'end' | 'zero' | 'any' } & Said)
  | ({ readonly do: 'seal' } & Said)
  | ({ readonly do: 'new-pages'; readonly count: number } & Said)
  | ({
      readonly do: 'pages' | 'clear'
      readonly from: number
      readonly count: number
      readonly seed: number
    } & Said)
  | ({ readonly do: 'resize'; readonly count: number } & Said)
  | ({ readonly do: 'snapshot'; readonly metadata: string } & Said)
  | ({ readonly do: 'delete'; readonly snapshots: 'include' | 'only' | 'none' } & Said)
  | { readonly do: 'delete-snapshot'; readonly index: number }
  | ({ readonly do: 'metadata'; readonly metadata: string } & Said)
  | ({ readonly do: 'properties'; readonly contentType: string } & Said)
  | {
      readonly do: 'lease'
      readonly action: LeaseAction
      readonly id: string
      readonly seconds: number | null
    }
  | ({ readonly do: 'read'; readonly from: number; readonly count: number } & Said)
  | { readonly do: 'wait'; readonly seconds: number }
  | { readonly do: 'restart' }
  | { readonly do: 'key'; readonly isAway: boolean }
)

export interface Said {
  readonly condition: Condition
  readonly lease: string | null
}

export interface Fill {
  readonly length: number
  readonly seed: number
}

interface Listed {
  readonly from: 'committed' | 'uncommitted' | 'latest'
  readonly id: string
}

type LeaseAction = 'acquire' | 'renew' | 'release' | 'break'

export const leaseIds = ['11111111-1111-4111-8111-111111111111', '22222222-2222-4222-8222-222222222222']

const seed = fc.nat(255)
export const lease = fc.oneof(
  { weight: 8, arbitrary: fc.constant(null) },
  { weight: 2, arbitrary: fc.constantFrom(...leaseIds) },
)
export const said = {
  lease,
  condition: fc.oneof(
    { weight: 12, arbitrary: fc.constant<Condition>('none') },
    {
      weight: 3,
      arbitrary: fc.constantFrom<Condition[]>('current', 'other', 'nothing-there', 'not-current'),
    },
  ),
}
/** The longest stand in files of their own. */
export const fill = fc.record({ length: fc.constantFrom(1, 100, 300, 700, 1_000, 16_384, 16_385), seed })
const id = fc.constantFrom('b0', 'b1', 'b2').map((text) => Buffer.from(text).toString('base64'))
export const metadata = fc.constantFrom('', '', 'one', 'two')
const listed = fc.record({
  id,
  from: fc.constantFrom('committed', 'uncommitted', 'latest', 'latest', 'latest', 'latest'),
})
const pages = { from: fc.nat(6), count: fc.integer({ min: 1, max: 3 }), seed }

/** Names with what is mostly done to them, so that most commands find what they are for. */
export const names = { blocks: 'a', appends: 'a/b', pages: 'c' } as const

export function one<T extends string, R extends object>(
  name: T,
  model: { [K in keyof R]: fc.Arbitrary<R[K]> },
  likely?: keyof typeof names,
) {
  const any = fc.constantFrom(...Object.values(names))
  const mostly = { weight: 5, arbitrary: likely === undefined ? any : fc.constant(names[likely]) }
  return fc.record({ do: fc.constant(name), name: fc.oneof(mostly, { weight: 1, arbitrary: any }), ...model })
}

type Kinds = readonly (readonly [weight: number, fc.Arbitrary<unknown>])[]

export const kindsOfRequests: Kinds = [
  [6, one('put', { fill, metadata, ...said }, 'blocks')],
  [8, one('block', { id, fill, lease }, 'blocks')],
  [6, one('list', { blocks: fc.array(listed, { maxLength: 4 }), metadata, ...said }, 'blocks')],
  [2, one('new-append', said, 'appends')],
  [6, one('append', { fill, at: fc.constantFrom('end', 'any', 'any', 'zero'), ...said }, 'appends')],
  [1, one('seal', said, 'appends')],
  [3, one('new-pages', { count: fc.integer({ min: 0, max: 10 }), ...said }, 'pages')],
  [8, one('pages', { ...pages, ...said }, 'pages')],
  [3, one('clear', { ...pages, ...said }, 'pages')],
  [2, one('resize', { count: fc.nat(10), ...said }, 'pages')],
  [5, one('snapshot', { metadata, ...said })],
  [3, one('delete', { snapshots: fc.constantFrom('include', 'only', 'none'), ...said })],
  [5, one('delete-snapshot', { index: fc.constantFrom(0, 0, 1) }, 'blocks')],
  [3, one('metadata', { metadata, ...said })],
  [2, one('properties', { contentType: fc.constantFrom('', 'text/plain', 'image/png'), ...said })],
  [
    6,
    one('lease', {
      action: fc.constantFrom('acquire', 'acquire', 'renew', 'release', 'break'),
      id: fc.constantFrom(...leaseIds),
      seconds: fc.constantFrom(null, 15, 15, 0),
    }),
  ],
  [5, one('read', { from: fc.nat(100_000), count: fc.nat(20_000), ...said })],
]

/** What is done to the server, or to the key. */
const kindsOfEvents: Kinds = [
  [2, one('wait', { seconds: fc.constantFrom(1, 8, 20) })],
  [1, one('restart', {})],
  [3, one('key', { isAway: fc.constantFrom(true, false, false) })],
]

/** What every run begins with: a blob of each type. */
const nothingSaid: Said = { condition: 'none', lease: null }
export const first = [
  {
    do: 'block',
    name: names.blocks,
    id: Buffer.from('b0').toString('base64'),
    fill: { length: 300, seed: 1 },
    lease: null,
  },
  { do: 'put', name: names.blocks, fill: { length: 200, seed: 2 }, metadata: 'one', ...nothingSaid },
  { do: 'snapshot', name: names.blocks, metadata: '', ...nothingSaid },
  { do: 'new-append', name: names.appends, ...nothingSaid },
  { do: 'new-pages', name: names.pages, count: 8, ...nothingSaid },
] as const satisfies readonly Command[]

export const commands = sequencesOf<Command>([...kindsOfRequests, ...kindsOfEvents])

export function sequencesOf<C>(kinds: Kinds): fc.Arbitrary<readonly (C | (typeof first)[number])[]> {
  const any = kinds.map(([weight, arbitrary]) => ({ weight, arbitrary: arbitrary as fc.Arbitrary<C> }))
  return fc.array(fc.oneof(...any), { minLength: 25, maxLength: 25 }).map((list) => [...first, ...list])
}

export function bytesOf({ length, seed: first }: Fill): Buffer {
  const bytes = Buffer.alloc(length)
  for (let index = 0; index < length; index++) bytes[index] = (first + index * 7 + (index >> 8)) & 0xff
  return bytes
}
