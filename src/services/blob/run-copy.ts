import { Outage } from '../../kernel/fault.ts'
import { MIB } from '../../kernel/units.ts'
import { beforeCommit } from '../../store/bytes/staged.ts'
import { deleteCopy, findCopy } from '../../store/records/blob/copies.ts'
import { KeyringFault } from '../keyring/keyring.ts'
import type { StorageAccount } from '../storage/storage-account.ts'
import { putBlobState } from './blob-rows.ts'
import { noConditions } from './conditions.ts'
import { openContent } from './content-seal.ts'
import { type CopiedExtents, commitCopied, copyExtents } from './copy-extents.ts'
import { describeFailure } from './copy-failure.ts'
import { type CopyPlace, emptied, endCopy, findDestination } from './copy-job.ts'
import { type CopySource, type OpenSource, type SourceDeps, SourceFault, openSource } from './copy-source.ts'
import { committing } from './extents.ts'
import { BlobFault, type BlobFaults } from './faults.ts'
import type { CopyJob } from './model.ts'
import { type ServiceSeal, openService } from './service-seal.ts'

export interface RunCopyDeps extends SourceDeps {
  /** @returns null when the account is gone */
  readonly findAccount: (uid: string) => Promise<StorageAccount | null>
}

/** A copy under way, as it was stored. */
export interface OpenJob {
  readonly seal: ServiceSeal
  readonly place: CopyPlace
  readonly job: CopyJob
}

/** Progress is told so often. */
const TELL_BYTES = 32 * MIB

/** @returns null when the copy has ended, or its destination went */
export async function openJob(deps: RunCopyDeps, id: string): Promise<OpenJob | null> {
  const { records, keyring } = deps
  const row = await findCopy(records.read, id)
  if (row === null) return null
  const account = await deps.findAccount(row.account)
  const { container, name } = row
  const place = { id, container, name }
  const seal = account === null ? null : await openService(keyring, account)
  const isThere = seal !== null && (await findDestination(records.read, seal, place)) !== null
  if (isThere) return { seal, place, job: seal.copy.open(place, row.sealed) }
  await records.write((db) => deleteCopy(db, id))
  return null
}

/**
 * Copies once, from the beginning. Bytes become durable first, the commit makes them visible: whatever ends it before, the
 * destination stays empty.
 *
 * @throws SourceFault, BlobFault, KeyringFault; Outage
 */
export async function runCopy(deps: RunCopyDeps, open: OpenJob, signal: AbortSignal): Promise<void> {
  const { seal, place, job } = open
  const destination = await findDestination(deps.records.read, seal, place)
  if (destination === null) return
  const { encryption } = destination.doc
  const content = await openContent(deps, seal.account, { encryption, customerKey: null }, signal)
  const source = await openAsItWas(deps, job, signal)
  try {
    const onPlain = progressOf(deps, open)
    const copied = await copyExtents(deps, { source, content }, { signal, onPlain }).catch(
      async (error: unknown) => {
        // Bytes of a source that changed may be swept: then nothing is damaged.
        await assertUnchanged(deps, job, signal)
        throw error
      },
    )
    await beforeCommit(deps.bytes, copied.staged, () => assertUnchanged(deps, job, signal))
    await committing(deps.bytes, copied.staged, () => finish(deps, open, { copied, source }))
  } finally {
    source.close()
  }
}

/** @throws BlobFault `source-condition-not-met` when the source is another one by now */
async function openAsItWas(
  deps: RunCopyDeps,
  { source, etag }: CopyJob,
  signal: AbortSignal,
): Promise<OpenSource> {
  const wanted = { source: await sourceOf(deps, source), conditions: noConditions, customerKey: null }
  const open = await openSource(deps, wanted, null, signal)
  if (open.etag === etag) return open
  open.close()
  throw new BlobFault('source-condition-not-met', {})
}

/** What another server serves was read in one go. @throws SourceFault; BlobFault `source-condition-not-met` */
async function assertUnchanged(deps: RunCopyDeps, job: CopyJob, signal: AbortSignal): Promise<void> {
  if (job.source.kind === 'own') await openAsItWas(deps, job, signal)
}

async function sourceOf(deps: RunCopyDeps, stored: CopyJob['source']): Promise<CopySource> {
  if (stored.kind === 'foreign') return { ...stored, bearer: null }
  const account = await deps.findAccount(stored.account)
  if (account === null) {
    throw new SourceFault('source-refused', { refusal: new BlobFault('account-not-found', {}) })
  }
  const { container, blob, moment, momentOf } = stored
  return {
    kind: 'own',
    at: { account, container, blob, moment, ...(momentOf === null ? {} : { kind: momentOf }) },
  }
}

/** Writes down from time to time how far the copy is. */
function progressOf(deps: RunCopyDeps, open: OpenJob): (chunk: Uint8Array) => Promise<void> | void {
  let copied = 0
  let told = 0
  return (chunk) => {
    copied += chunk.length
    if (copied - told < TELL_BYTES) return
    told = copied
    return tell(deps, open, { copied })
  }
}

/** What a pending copy shows. A power cut may take it back: nothing rests on it. */
export async function tell(
  { records }: RunCopyDeps,
  { seal, place }: OpenJob,
  shown: { readonly copied?: number; readonly statusDescription?: string },
): Promise<void> {
  await records.write(
    async (db) => {
      const state = await findDestination(db, seal, place)
      if (state?.doc.copy == null) return
      await putBlobState(db, seal, { ...state, doc: { ...state.doc, copy: { ...state.doc.copy, ...shown } } })
    },
    { isFleeting: true },
  )
}

/** @throws BlobFault `copy-not-pending` when it was aborted meanwhile, or its destination went */
async function finish(
  { records, stamp }: RunCopyDeps,
  { seal, place, job }: OpenJob,
  { copied, source }: { readonly copied: CopiedExtents; readonly source: OpenSource },
): Promise<void> {
  const now = stamp()
  await records.write(async (db) => {
    const state = await findDestination(db, seal, place)
    if (state === null) throw new BlobFault('copy-not-pending', {})
    const { length, blockCount } = source.doc
    const extents = await commitCopied(db, seal, copied)
    const isSealed = job.sealsBlob && state.doc.type === 'AppendBlob'
    const change = { length, blockCount, extents, isSealed }
    const outcome = { status: 'success', description: null, change } as const
    await endCopy(db, seal, state, { outcome, stamp: now })
  })
}

/** Leaves the destination empty, and says why. */
export async function endFailed(
  { records, stamp }: RunCopyDeps,
  { seal, place }: OpenJob,
  error: unknown,
): Promise<void> {
  const now = stamp()
  const outcome = { status: 'failed', description: describeFailure(error), change: emptied } as const
  await records.write(async (db) => {
    const state = await findDestination(db, seal, place)
    if (state !== null) await endCopy(db, seal, state, { outcome, stamp: now })
  })
}

const passing: ReadonlySet<string> = new Set<keyof BlobFaults>(['copy-source-unreachable', 'scope-disabled'])

/** Whether trying again makes sense: nobody has refused for good. A key that was taken away can be given back, a scope enabled. */
export function isPassing(error: unknown): boolean {
  const cause = error instanceof SourceFault ? error.facts.refusal : error
  if (cause instanceof KeyringFault) return cause.code === 'key-refused'
  return cause instanceof Outage || (cause instanceof BlobFault && passing.has(String(cause.code)))
}
