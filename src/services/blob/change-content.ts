import type { BlobWrites } from '../../store/records/blob/containers.ts'
import type { BlobDeps } from './blob-deps.ts'
import { type BlobState, getBlobState, putBlobState } from './blob-rows.ts'
import { type Conditions, assertWritable } from './conditions.ts'
import { type ContainerState, getContainer } from './container-rows.ts'
import { type ContentSeal, openContent } from './content-seal.ts'
import { type WantedEncryption, assertSameEncryption, isSameEncryption } from './encryption.ts'
import { BlobFault } from './faults.ts'
import { assertMayChange } from './immutability.ts'
import { assertNotIncremental } from './incremental-only.ts'
import { assertLeaseForWrite, leaseAfterWrite } from './lease.ts'
import type { BlobDoc, BlobEncryption, BlobPath } from './model.ts'
import { type ServiceSeal, openService } from './service-seal.ts'
import type { Stamp } from './stamps.ts'

/** What a write to the bytes of a blob that is there is subject to. */
export interface ContentChange {
  readonly conditions: Conditions
  readonly leaseId: string | null
  readonly encryption: WantedEncryption
}

type ChangedType = 'AppendBlob' | 'PageBlob'

/** Of the service and of the blob, whatever the write is. */
interface Expected {
  readonly type: ChangedType
  readonly options: Pick<ContentChange, 'conditions' | 'leaseId'>
}

export interface OpenForChange {
  readonly seal: ServiceSeal
  readonly content: ContentSeal
  /** What the content is sealed under. */
  readonly encryption: BlobEncryption
  readonly containerId: string
}

/**
 * What a write to a part of a blob begins with: what is refused already now spares the bytes their way.
 *
 * @param assert what else it expects of the blob
 * @throws BlobFault; KeyringFault `key-refused`
 */
export async function openForChange(
  deps: BlobDeps,
  { account, container: name, blob }: BlobPath,
  { type, options }: { readonly type: ChangedType; readonly options: ContentChange },
  { assert, signal }: { readonly assert: (doc: BlobDoc) => void; readonly signal: AbortSignal },
): Promise<OpenForChange> {
  const { records, keyring, stamp } = deps
  const seal = await openService(keyring, account)
  const container = await getContainer(records.read, seal, name)
  const { doc } = await getBlobState(records.read, seal, {
    container: container.id,
    name: blob,
    moment: null,
  })
  assertExpected(container, doc, { type, options }, stamp().now)
  assert(doc)
  const { encryption } = doc
  await assertSameEncryption(deps, account, encryption, options.encryption)
  const { customerKey } = options.encryption
  const content = await openContent(deps, account, { encryption, customerKey }, signal)
  return { seal, content, encryption, containerId: container.id }
}

/**
 * Changes a base blob within the caller's transaction, and gives it a new entity tag.
 *
 * @param change of the document; called once it is known that it may be changed
 * @throws BlobFault
 */
export async function changeContent(
  db: BlobWrites,
  { seal, encryption, containerId }: Pick<OpenForChange, 'seal' | 'encryption' | 'containerId'>,
  { at, stamp, ...expected }: Expected & { readonly at: BlobPath; readonly stamp: Stamp },
  change: (doc: BlobDoc) => Promise<Partial<BlobDoc>>,
): Promise<BlobState> {
  const container = await getContainer(db, seal, at.container)
  if (container.id !== containerId) throw new BlobFault('container-not-found', {})
  const state = await getBlobState(db, seal, { container: container.id, name: at.blob, moment: null })
  const { doc } = state
  assertExpected(container, doc, expected, stamp.now)
  // Replaced since the bytes were sealed, by one under another key.
  if (!isSameEncryption(doc.encryption, encryption)) throw new BlobFault('encryption-mismatch', {})
  const { etag, now } = stamp
  const changed = {
    ...state,
    doc: { ...doc, lease: leaseAfterWrite(doc.lease, now), ...(await change(doc)), etag, modifiedAt: now },
  }
  await putBlobState(db, seal, changed)
  return changed
}

function assertExpected(
  container: ContainerState,
  doc: BlobDoc,
  { type, options }: Expected,
  now: number,
): void {
  if (doc.type !== type) throw new BlobFault('blob-type-invalid', { type: doc.type })
  assertWritable(options.conditions, doc)
  assertLeaseForWrite(doc.lease, options.leaseId, 'blob', now)
  const change = type === 'AppendBlob' ? 'append' : 'change'
  assertMayChange(change, { container: container.doc, blob: doc, now, isKept: false })
  assertNotIncremental(doc)
}
