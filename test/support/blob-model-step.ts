import type { WantedChecksum } from '../../src/services/blob/checksum.ts'
import { noConditions } from '../../src/services/blob/conditions.ts'
import { noEncryption } from '../../src/services/blob/encryption.ts'
import type { BlobPath } from '../../src/services/blob/model.ts'
import type { BlobBench } from './blob-bench.ts'
import type { Command, Said } from './blob-model-commands.ts'
import { type Refusals, leaseRefusals } from './blob-model-lease.ts'
import { type Condition, type Kept, type Model, type ModelBlob, touch, writeRefusals } from './blob-model.ts'

export interface Run {
  readonly bench: BlobBench
  readonly model: Model
  readonly container: string
}

/** What a command may be refused for, and its call, which tells what the model is after it. */
export interface Step {
  readonly refusals: Refusals
  readonly call: () => Promise<() => void>
}

export type Of<K extends Command['do']> = Extract<Command, { readonly do: K }>
export type Steps<K extends Command['do']> = { readonly [C in K]: (run: Run, command: Of<C>) => Step | null }

export function step<T>({
  refusals,
  call,
  then,
}: {
  readonly refusals: Refusals
  readonly call: () => Promise<T>
  readonly then: (done: T) => void
}): Step {
  return {
    refusals,
    async call() {
      const done = await call()
      return () => then(done)
    },
  }
}

export const checksum: WantedChecksum = { md5: null, crc64: null }

export const now = ({ bench }: Run) => bench.world.clock.wall()
export const pathOf = ({ bench, container }: Run, blob: string, moment: string | null = null): BlobPath => ({
  account: bench.account,
  container,
  blob,
  moment,
})
export const keyed = ({ model }: Run): Refusals => (model.isKeyAway ? ['key-refused'] : [])
export const there = (blob: Kept | undefined): Refusals => (blob === undefined ? ['blob-not-found'] : [])
export const typed = (blob: Kept | undefined, type: Kept['type']): Refusals =>
  blob !== undefined && blob.type !== type ? ['blob-type-invalid'] : []
export const metadataOf = (value: string) => (value === '' ? {} : { Key: value })

export function conditionsOf(condition: Condition, blob: Kept | undefined) {
  const current = [blob?.etag ?? '0x2']
  if (condition === 'current') return { ...noConditions, ifMatch: current }
  if (condition === 'other') return { ...noConditions, ifMatch: ['0x1'] }
  if (condition === 'nothing-there') return { ...noConditions, ifNoneMatch: ['*'] }
  return condition === 'not-current' ? { ...noConditions, ifNoneMatch: current } : noConditions
}

interface WriteCommand extends Said {
  readonly do: Command['do']
  readonly name: string
}

const making: ReadonlySet<Command['do']> = new Set(['put', 'list', 'new-append', 'new-pages'])

/** What every write says, and what it is refused for. */
export function writing(run: Run, { do: done, name, condition, lease }: WriteCommand) {
  const blob = run.model.blobs.get(name)
  return {
    blob,
    options: {
      conditions: conditionsOf(condition, blob),
      leaseId: lease,
      encryption: noEncryption,
      checksum,
      knowsCrc64: true,
    },
    refusals: [
      ...writeRefusals(blob, condition, making.has(done)),
      ...leaseRefusals(blob?.lease ?? null, lease, now(run)),
    ],
  }
}

export const newBlob = { headers: {}, metadata: {}, tags: null, tier: null, mayOverwrite: true }

export interface HasEtag {
  readonly doc: { readonly etag: string }
}

/** After a change of what is there: another ETag, and the rest as it should be. */
export function changed(run: Run, blob: ModelBlob | undefined, change: (blob: ModelBlob) => void) {
  return ({ doc: { etag } }: HasEtag) => {
    if (blob === undefined) return
    if (blob.etag === etag) throw new Error('written, with the ETag from before')
    change(blob)
    touch(blob, etag, now(run))
  }
}
