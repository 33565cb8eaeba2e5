import type { ByteStore } from '../../store/bytes/byte-store.ts'
import { isDamage } from '../../store/bytes/damage.ts'
import { sealedBytes } from '../../store/bytes/sealed.ts'
import { accountBlobsPage, allContainers } from '../../store/records/blob/integrity.ts'
import type { DataRecords } from '../../store/records/data-db.ts'
import type { StorageAccount } from '../storage/storage-account.ts'
import type { BlobDeps } from './blob-deps.ts'
import { type BlobState, openBlob } from './blob-rows.ts'
import { openContainer } from './container-rows.ts'
import { openContent } from './content-seal.ts'
import { readParts } from './extent-map.ts'
import { readExtents } from './extents.ts'
import { BlobFault } from './faults.ts'
import { type ServiceSeal, openService } from './service-seal.ts'

export interface VerifyBlobsDeps extends Pick<BlobDeps, 'keyring' | 'accounts'> {
  readonly records: Pick<DataRecords, 'read'>
  readonly bytes: ByteStore
}

export interface VerifyBlobsSink {
  /** @param where `container/blob`, with its snapshot or version */
  damage(where: string, problem: string): void
  /** Bytes that were opened, since the last call. */
  opened(bytes: number): void
}

/** What was looked at. */
export interface BlobVerification {
  readonly containers: number
  /** Snapshots, versions and deleted ones are counted, too. */
  readonly blobs: number
  /** Unsealed. */
  readonly bytes: number
  /** Blobs under a key that only their client has: their rows were opened, their bytes were not. */
  readonly underClientKeys: number
}

const ROWS_AT_ONCE = 200

/**
 * Opens all that an account holds, under its keys: every container, every blob's row, and every segment of its bytes. Lengths
 * of files, and references between rows, need no key and are looked at by others.
 *
 * @throws KeyringFault `key-refused`, Outage: what was looked at until then is in the sink
 */
export async function verifyBlobs(
  deps: VerifyBlobsDeps,
  account: StorageAccount,
  sink: VerifyBlobsSink,
  signal: AbortSignal,
): Promise<BlobVerification> {
  const seal = await openService(deps.keyring, account)
  const names = new Map<string, string>()
  for (const row of await allContainers(deps.records.read, account.uid)) {
    names.set(row.id, row.name)
    attempt(sink, row.name, () => openContainer(seal, row))
  }
  // Refused at once, where there is nothing to open either.
  await deps.keyring.open(
    { uid: account.uid, resourceId: account.resourceId, purpose: 'storage-account' },
    signal,
  )
  const counts = { blobs: 0, bytes: 0, underClientKeys: 0 }
  for await (const row of allBlobs(deps, account.uid)) {
    signal.throwIfAborted()
    counts.blobs++
    const where = `${names.get(row.container) ?? row.container}/${row.name}${row.moment === '~' ? '' : ` of ${row.moment}`}`
    const state = attempt(sink, where, () => openBlob(seal, row))
    if (state === null) continue
    if (state.doc.encryption.keySha256 !== null) counts.underClientKeys++
    else counts.bytes += await verifyContent(deps, { seal, state, where }, sink, signal)
  }
  return { containers: names.size, ...counts }
}

async function* allBlobs({ records }: VerifyBlobsDeps, account: string) {
  for (let after = { container: '', name: '', moment: '' }; ;) {
    const rows = await accountBlobsPage(records.read, account, after, ROWS_AT_ONCE)
    yield* rows
    const last = rows.at(-1)
    if (last === undefined) return
    after = last
  }
}

async function verifyContent(
  deps: VerifyBlobsDeps,
  { seal, state, where }: { readonly seal: ServiceSeal; readonly state: BlobState; readonly where: string },
  sink: VerifyBlobsSink,
  signal: AbortSignal,
): Promise<number> {
  const { account } = seal
  const { length, extents, encryption } = state.doc
  let bytes = 0
  try {
    const content = await openContent(deps, account, { encryption, customerKey: null }, signal)
    content.openMetadata(state.id, state.metadata)
    const parts = await readParts(deps.records.read, seal, extents)
    const span = { start: 0, end: length }
    const from = { records: deps.records, bytes: sealedBytes(deps.bytes) }
    for await (const chunk of readExtents(from, content, { parts, span, signal })) {
      bytes += chunk.length
      sink.opened(chunk.length)
    }
  } catch (error) {
    if (isScopeDisabled(error)) return bytes
    if (!isBroken(error)) throw error
    sink.damage(where, `its content does not open beyond byte ${bytes}: altered, moved or missing`)
  }
  return bytes
}

/** The account's owner has switched the scope off: that is no damage, and nobody reads it meanwhile. */
function isScopeDisabled(error: unknown): boolean {
  return error instanceof BlobFault && error.code === 'scope-disabled'
}

function isBroken(error: unknown): boolean {
  return isDamage(error) || (error instanceof BlobFault && error.code === 'content-damaged')
}

/** @returns null when it does not open, which is reported */
function attempt<T>(sink: VerifyBlobsSink, where: string, open: () => T): T | null {
  try {
    return open()
  } catch (error) {
    if (!isBroken(error)) throw error
    sink.damage(where, 'its row does not open: altered, or moved from elsewhere')
    return null
  }
}
