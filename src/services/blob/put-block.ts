import type { Bytes } from '../../kernel/bytes.ts'
import { MIB } from '../../kernel/units.ts'
import { beforeCommit } from '../../store/bytes/staged.ts'
import { type BlockRow, findBlock, findLastBlock, putBlockRow } from '../../store/records/blob/blocks.ts'
import type { BlobReads, BlobWrites } from '../../store/records/blob/containers.ts'
import { releaseExtents } from '../../store/records/blob/extents.ts'
import type { BlobDeps } from './blob-deps.ts'
import { findBlob } from './blob-rows.ts'
import type { WantedChecksum } from './checksum.ts'
import { type ContainerState, getContainer } from './container-rows.ts'
import { type ContentSeal, assertCustomerKey, openContent } from './content-seal.ts'
import { assertNotCopying } from './copy-pending.ts'
import {
  type WantedEncryption,
  assertSameEncryption,
  encryptionOfNew,
  isSameEncryption,
} from './encryption.ts'
import { type StagedExtent, commitExtent, committing, stageExtent } from './extents.ts'
import { BlobFault } from './faults.ts'
import { assertLeaseForWrite } from './lease.ts'
import type { BlobEncryption, BlobPath } from './model.ts'
import { type ServiceSeal, openService } from './service-seal.ts'
import type { Stamp } from './stamps.ts'
import { type ToldSums, toldChecksum } from './told-checksum.ts'

/** What the newest versions take as one block. */
export const MAX_BLOCK_BYTES = 4_000 * MIB

/** Of one blob, that no block list has committed yet. */
const MAX_UNCOMMITTED_BLOCKS = 100_000

export interface PutBlock {
  /** Base64. */
  readonly block: string
  readonly leaseId: string | null
  readonly encryption: WantedEncryption
  readonly checksum: WantedChecksum
  /** Whether the client's version has CRC-64. */
  readonly knowsCrc64: boolean
}

export interface BlockResult extends ToldSums {
  readonly encryption: BlobEncryption
}

/**
 * Stores a block for a later block list, in the place of an uncommitted one of the same id.
 * https://learn.microsoft.com/rest/api/storageservices/put-block
 *
 * @throws BlobFault; KeyringFault `key-refused`
 */
export async function putBlock(
  deps: BlobDeps,
  { at, command }: { readonly at: BlobPath; readonly command: PutBlock },
  body: Bytes,
  signal: AbortSignal,
): Promise<BlockResult> {
  const open = await openForBlock(deps, at, command, signal)
  const sum = toldChecksum(command.checksum, command)
  const onPlain = (chunk: Uint8Array) => sum.update(chunk)
  const staged = await stageExtent(deps.bytes, open.content, body, { signal, onPlain })
  if (staged === null) throw new BlobFault('header-invalid', { name: 'Content-Length', value: '0' })
  await beforeCommit(deps.bytes, [staged], async () => sum.assert())
  await commitBlock(deps, open, { at, command, staged })
  return { ...sum.told(), encryption: open.encryption }
}

interface OpenForBlock {
  readonly seal: ServiceSeal
  readonly container: ContainerState
  readonly encryption: BlobEncryption
  readonly content: ContentSeal
}

/** All blocks of a blob are under one key, which is that of the blob where there is one. */
async function openForBlock(
  deps: BlobDeps,
  { account, container: name, blob }: BlobPath,
  { block, encryption: wanted, leaseId }: Pick<PutBlock, 'block' | 'encryption' | 'leaseId'>,
  signal: AbortSignal,
): Promise<OpenForBlock> {
  const { records, keyring, stamp } = deps
  const seal = await openService(keyring, account)
  const container = await getContainer(records.read, seal, name)
  // Seen again within the commit: here it spares the bytes a way for nothing.
  const place = { container: container.id, name: blob }
  const known = await assertBlockFits(records.read, seal, { place, block, leaseId, now: stamp().now })
  if (known.encryption !== null) {
    assertCustomerKey(known.encryption, wanted.customerKey)
    await assertSameEncryption(deps, account, known.encryption, wanted)
  }
  const encryption = known.encryption ?? (await encryptionOfNew(deps, account, container.doc, wanted))
  const { customerKey } = wanted
  return {
    seal,
    container,
    encryption,
    content: await openContent(deps, account, { encryption, customerKey }, signal),
  }
}

interface Wanted {
  readonly place: { readonly container: string; readonly name: string }
  readonly block: string
  readonly leaseId: string | null
  readonly now: number
}

interface Known {
  /** What the blob or its other blocks are under; null: nothing is there. */
  readonly encryption: BlobEncryption | null
  readonly count: number
}

/** @throws BlobFault `blob-type-invalid`, `copy-pending`, `block-id-invalid`, those of leases */
async function assertBlockFits(
  db: BlobReads,
  seal: ServiceSeal,
  { place, block, leaseId, now }: Wanted,
): Promise<Known> {
  const there = await findBlob(db, seal, { ...place, moment: null })
  const doc = there?.deletedAt === null ? there.doc : null
  if (doc !== null && doc.type !== 'BlockBlob') throw new BlobFault('blob-type-invalid', { type: doc.type })
  assertNotCopying(doc)
  assertLeaseForWrite(doc?.lease ?? null, leaseId, 'blob', now)
  const last = await findLastBlock(db, place)
  if (last !== null && last.block.length !== block.length) throw new BlobFault('block-id-invalid', {})
  const other = last === null ? null : openBlock(seal, place, last).encryption
  return { encryption: doc?.encryption ?? other, count: last?.number ?? 0 }
}

async function commitBlock(
  deps: BlobDeps,
  open: OpenForBlock,
  {
    at,
    command,
    staged,
  }: { readonly at: BlobPath; readonly command: Omit<PutBlock, 'checksum'>; readonly staged: StagedExtent },
): Promise<void> {
  const stamp = deps.stamp()
  await committing(deps.bytes, [staged], () =>
    deps.records.write((db) => replaceBlock(db, open, { at, command, staged, stamp })),
  )
}

async function replaceBlock(
  db: BlobWrites,
  { seal, container, encryption }: OpenForBlock,
  {
    at,
    command: { block, leaseId },
    staged,
    stamp: { now },
  }: {
    readonly at: BlobPath
    readonly command: Pick<PutBlock, 'block' | 'leaseId'>
    readonly staged: StagedExtent
    readonly stamp: Stamp
  },
): Promise<void> {
  const { id } = await getContainer(db, seal, at.container)
  if (id !== container.id) throw new BlobFault('container-not-found', {})
  const place = { container: id, name: at.blob }
  const known = await assertBlockFits(db, seal, { place, block, leaseId, now })
  if (known.encryption !== null && !isSameEncryption(known.encryption, encryption)) {
    throw new BlobFault('encryption-mismatch', {})
  }
  const before = await findBlock(db, place, block)
  if (before === null && known.count >= MAX_UNCOMMITTED_BLOCKS) {
    throw new BlobFault('block-count-exceeded', { about: 'uncommitted', max: MAX_UNCOMMITTED_BLOCKS })
  }
  const { ref, length } = staged
  await commitExtent(db, at.account.uid, staged)
  const number = before?.number ?? known.count + 1
  const sealed = seal.block.seal({ ...place, block, ref }, { length, encryption })
  await putBlockRow(db, { ...place, block, ref, number, created_at: now, sealed })
  if (before !== null) await releaseExtents(db, [before.ref], now)
}

export function openBlock(
  seal: ServiceSeal,
  { container, name }: { readonly container: string; readonly name: string },
  { block, ref, sealed }: BlockRow,
) {
  return seal.block.open({ container, name, block, ref }, sealed)
}

/** The same for one of many. */
export function openBlockInPassing(
  seal: ServiceSeal,
  { container, name }: { readonly container: string; readonly name: string },
  { block, ref, sealed }: BlockRow,
) {
  return seal.block.openInPassing({ container, name, block, ref }, sealed)
}
