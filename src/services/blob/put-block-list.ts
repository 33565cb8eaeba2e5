import { setImmediate } from 'node:timers/promises'
import { deleteBlocks, findBlock, listBlockRefs, listBlocks } from '../../store/records/blob/blocks.ts'
import type { BlobReads, BlobWrites } from '../../store/records/blob/containers.ts'
import { releaseExtents, useExtents } from '../../store/records/blob/extents.ts'
import type { BlobDeps } from './blob-deps.ts'
import { type BlobState, findBlob } from './blob-rows.ts'
import { type ContainerState, getContainer } from './container-rows.ts'
import { assertCustomerKey, enabledScope, openContent } from './content-seal.ts'
import {
  type WantedEncryption,
  assertSameEncryption,
  encryptionOfNew,
  isSameEncryption,
} from './encryption.ts'
import { readParts, writeParts } from './extent-map.ts'
import { BlobFault } from './faults.ts'
import type { BlobEncryption, BlobPath, Part } from './model.ts'
import { changedUses } from './parts.ts'
import { openBlock, openBlockInPassing } from './put-block.ts'
import { type NewBlockBlob, givenOf, plainBlockBlob } from './put-blob.ts'
import { newBlobId, replaceBlob } from './replace-blob.ts'
import { type BlockDoc, type ServiceSeal, openService } from './service-seal.ts'

/** Of one block list. */
export const MAX_COMMITTED_BLOCKS = 50_000

export interface ListedBlock {
  /** `latest`: the uncommitted one where there is one, else the committed one. */
  readonly from: 'committed' | 'uncommitted' | 'latest'
  /** Base64. */
  readonly id: string
}

export interface PutBlockList extends NewBlockBlob {
  readonly blocks: readonly ListedBlock[]
  readonly encryption: WantedEncryption
}

/**
 * Makes the blob of the listed blocks, in that order; uncommitted ones that are not listed go. No byte moves: a block's
 * extent becomes the blob's. Needs the customer's key for user metadata alone.
 * https://learn.microsoft.com/rest/api/storageservices/put-block-list
 *
 * @throws BlobFault; KeyringFault `key-refused` when there is metadata
 */
export async function putBlockList(
  deps: BlobDeps,
  at: BlobPath,
  command: PutBlockList,
  signal: AbortSignal,
): Promise<BlobState> {
  const { records, keyring } = deps
  const { account } = at
  const seal = await openService(keyring, account)
  const container = await getContainer(records.read, seal, at.container)
  const place = { container: container.id, name: at.blob }
  // Opened before the transaction, where others would wait for it.
  const known = await openBlocks(records.read, seal, place)
  const encryption = await encryptionOfList(deps, { seal, container, known }, at, command.encryption)
  const id = newBlobId()
  const metadata = await sealMetadata(deps, at, { id, encryption, command }, signal)
  const stamp = deps.stamp()
  const options = {
    place: { containerId: container.id, container: at.container, blob: at.blob },
    options: command,
  }
  return await records.write((db) =>
    replaceBlob(db, { seal, stamp }, options, async (before) => {
      const blob = { place, seal, before, known, encryption }
      const parts = await takeParts(db, blob, { blocks: command.blocks, now: stamp.now })
      return {
        ...plainBlockBlob,
        ...givenOf(command, { seal, encryption }, { before, now: stamp.now }),
        id,
        metadata,
        length: parts.reduce((sum, { length }) => sum + length, 0),
        extents: await writeParts(db, seal, parts),
      }
    }),
  )
}

interface BlockPlace {
  readonly container: string
  readonly name: string
}

/** By the extent: a block of the same id that comes later has another one. */
type OpenBlocks = ReadonlyMap<string, BlockDoc>

/** So many are opened before others get their turn. */
const BLOCKS_AT_ONCE = 256

async function openBlocks(db: BlobReads, seal: ServiceSeal, place: BlockPlace): Promise<OpenBlocks> {
  const known = new Map<string, BlockDoc>()
  for (const row of await listBlocks(db, place)) {
    known.set(row.ref, openBlockInPassing(seal, place, row))
    if (known.size % BLOCKS_AT_ONCE === 0) await setImmediate()
  }
  return known
}

/** Those of `known` that are still there, by their ids, and what came since. */
async function currentBlocks(
  db: BlobReads,
  seal: ServiceSeal,
  place: BlockPlace,
  known: OpenBlocks,
): Promise<ReadonlyMap<string, CurrentBlock>> {
  const current = new Map<string, CurrentBlock>()
  for (const { block, ref } of await listBlockRefs(db, place)) {
    const row = known.has(ref) ? null : await findBlock(db, place, block)
    const doc = known.get(ref) ?? (row === null ? undefined : openBlock(seal, place, row))
    if (doc !== undefined) current.set(block, { ref, ...doc })
  }
  return current
}

interface CurrentBlock extends BlockDoc {
  readonly ref: string
}

/** That of the blob that is there, else of its blocks; who commits without either has what a new blob has. */
async function encryptionOfList(
  deps: BlobDeps,
  {
    seal,
    container,
    known,
  }: { readonly seal: ServiceSeal; readonly container: ContainerState; readonly known: OpenBlocks },
  { account, blob }: BlobPath,
  wanted: WantedEncryption,
): Promise<BlobEncryption> {
  const there = await findBlob(deps.records.read, seal, { container: container.id, name: blob, moment: null })
  const [block] = known.values()
  const before = there?.deletedAt === null ? there.doc.encryption : block?.encryption
  if (before === undefined) return await encryptionOfNew(deps, account, container.doc, wanted)
  assertCustomerKey(before, wanted.customerKey)
  await assertSameEncryption(deps, account, before, wanted)
  return before
}

async function sealMetadata(
  deps: BlobDeps,
  { account }: BlobPath,
  {
    id,
    encryption,
    command,
  }: { readonly id: string; readonly encryption: BlobEncryption; readonly command: PutBlockList },
  signal: AbortSignal,
): Promise<Buffer | null> {
  if (Object.keys(command.metadata).length === 0) {
    await enabledScope(deps.accounts, account, encryption)
    return null
  }
  const { customerKey } = command.encryption
  const content = await openContent(deps, account, { encryption, customerKey }, signal)
  return content.sealMetadata(id, command.metadata)
}

interface Taking {
  readonly place: BlockPlace
  readonly seal: ServiceSeal
  readonly before: BlobState | null
  readonly known: OpenBlocks
  readonly encryption: BlobEncryption
}

/**
 * The listed blocks as parts, each of which counts as used from now on; the uncommitted blocks go.
 * @throws BlobFault `blob-type-invalid`, `encryption-mismatch`, `block-list-invalid`
 */
async function takeParts(
  db: BlobWrites,
  { place, seal, before, known, encryption }: Taking,
  { blocks, now }: { readonly blocks: readonly ListedBlock[]; readonly now: number },
): Promise<readonly Part[]> {
  if (before !== null && before.doc.type !== 'BlockBlob') {
    throw new BlobFault('blob-type-invalid', { type: before.doc.type })
  }
  const rows = await currentBlocks(db, seal, place, known)
  const isOther = [...rows.values()].some((row) => !isSameEncryption(row.encryption, encryption))
  if (isOther || (before !== null && !isSameEncryption(before.doc.encryption, encryption))) {
    throw new BlobFault('encryption-mismatch', {})
  }
  const committed = await committedParts(db, seal, before, blocks, rows)
  const parts = blocks.map(({ from, id }): Part => {
    const row = from === 'committed' ? undefined : rows.get(id)
    if (row !== undefined) return { ref: row.ref, at: 0, length: row.length, block: id }
    const part = from === 'uncommitted' ? undefined : committed.get(id)
    if (part === undefined) throw new BlobFault('block-list-invalid', { reason: `there is no block ${id}` })
    return part
  })
  const gone = (await deleteBlocks(db, place)).map((ref) => ({ ref, at: 0, length: 0 }))
  // A block that is taken over is named as often as before: of most, nothing has to be written.
  const { used, released } = changedUses(gone, [], parts)
  await useExtents(db, used)
  await releaseExtents(db, released, now)
  return parts
}

/** By block id; of a blob that was not committed from blocks, none. Read when the list needs any of them. */
async function committedParts(
  db: BlobReads,
  seal: ServiceSeal,
  before: BlobState | null,
  blocks: readonly ListedBlock[],
  uncommitted: ReadonlyMap<string, CurrentBlock>,
): Promise<ReadonlyMap<string, Part>> {
  const isNeeded = blocks.some(
    ({ from, id }) => from === 'committed' || (from === 'latest' && !uncommitted.has(id)),
  )
  if (before === null || !isNeeded) return new Map()
  const parts = await readParts(db, seal, before.doc.extents)
  return new Map(parts.flatMap((part) => (part.block === undefined ? [] : [[part.block, part] as const])))
}
