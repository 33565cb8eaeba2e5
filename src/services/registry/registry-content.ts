import type { Clock } from '../../kernel/clock.ts'
import { DAY_MS, HOUR_MS } from '../../kernel/units.ts'
import type { ByteStore } from '../../store/bytes/byte-store.ts'
import { sealedBytes } from '../../store/bytes/sealed.ts'
import type { DataRecords } from '../../store/records/data-db.ts'
import { bytesOf } from '../../store/records/registry/garbage.ts'
import type { Keyring } from '../keyring/keyring.ts'
import { appendUpload } from './append-upload.ts'
import { around } from '../../kernel/around.ts'
import { deleteBlob, getBlob, mountBlob } from './blobs.ts'
import type { ContentDeps } from './content-deps.ts'
import { tellingDamage } from './damage.ts'
import { deleteRepository } from './delete-repository.ts'
import { finishUpload, putBlob } from './finish-upload.ts'
import { forgetRegistry } from './forget-registry.ts'
import { repeated } from '../keyring/lease-ended.ts'
import { listReferrers } from './list-referrers.ts'
import { listRepositories } from './list-repositories.ts'
import { liveDigests } from './live-digests.ts'
import { getManifestView, listManifests, updateManifest } from './manifest-attributes.ts'
import { deleteManifest, deleteTag, getManifest } from './manifests.ts'
import { putManifest } from './put-manifest.ts'
import { getRepositoryView, updateRepository } from './repository-attributes.ts'
import { type SweepReport, sweep } from './sweep.ts'
import { getTag, listTags, updateTag } from './tags.ts'
import { cancelUpload, getUpload, startUpload } from './uploads.ts'

type Bound<F> = F extends (deps: never, ...rest: infer R) => infer T ? (...rest: R) => T : never

/**
 * What registries hold: blobs, manifests, tags. Every operation opens the registry's key first: with the key refused
 * nothing is read, written or listed, and the fault is the keyring's. Of any, RegistryFault `content-damaged`: what is
 * stored does not open, or is not there.
 */
export interface RegistryContent extends AsyncDisposable {
  readonly startUpload: Bound<typeof startUpload>
  readonly getUpload: Bound<typeof getUpload>
  readonly appendUpload: Bound<typeof appendUpload>
  readonly finishUpload: Bound<typeof finishUpload>
  readonly cancelUpload: Bound<typeof cancelUpload>
  readonly putBlob: Bound<typeof putBlob>
  readonly mountBlob: Bound<typeof mountBlob>
  readonly getBlob: Bound<typeof getBlob>
  readonly deleteBlob: Bound<typeof deleteBlob>
  readonly getManifest: Bound<typeof getManifest>
  readonly putManifest: Bound<typeof putManifest>
  readonly deleteManifest: Bound<typeof deleteManifest>
  readonly deleteTag: Bound<typeof deleteTag>
  readonly listReferrers: Bound<typeof listReferrers>
  readonly listTags: Bound<typeof listTags>
  readonly getTag: Bound<typeof getTag>
  readonly updateTag: Bound<typeof updateTag>
  readonly listManifests: Bound<typeof listManifests>
  readonly getManifestView: Bound<typeof getManifestView>
  readonly updateManifest: Bound<typeof updateManifest>
  readonly listRepositories: Bound<typeof listRepositories>
  readonly getRepositoryView: Bound<typeof getRepositoryView>
  readonly updateRepository: Bound<typeof updateRepository>
  readonly deleteRepository: Bound<typeof deleteRepository>

  /** Unsealed bytes of all that the registry keeps. Needs no key. */
  usedBytes(registryUid: string): Promise<number>
  /** Drops all of a registry that is being deleted. Needs no key; may be repeated. */
  discard(registryUid: string): Promise<void>
  /** Collects what nothing needs any more, of all registries. Needs no key. To be called every few minutes, one at a time. */
  sweep(): Promise<SweepReport>
}

type Streamed = 'appendUpload' | 'finishUpload' | 'putBlob'
type Unkeyed = 'usedBytes' | 'discard' | 'sweep' | typeof Symbol.asyncDispose

export interface RegistryContentDeps {
  readonly records: Pick<DataRecords, 'read' | 'write'>
  /** Shared with blob storage: the sweeper discards what no row of either names. */
  readonly bytes: ByteStore
  readonly keyring: Pick<Keyring, 'open'>
  readonly clock: Clock
  readonly times?: Partial<ContentTimes>
}

/** How long things are kept. */
export interface ContentTimes {
  /** A blob that no manifest names: longer than any push takes. */
  readonly unreferencedGraceMs: number
  readonly idleUploadMs: number
  /** Bytes of a deleted blob: longer than downloads take. */
  readonly readGraceMs: number
  readonly orphanAgeMs: number
}

const defaultTimes: ContentTimes = {
  unreferencedGraceMs: 6 * HOUR_MS,
  idleUploadMs: 7 * DAY_MS,
  readGraceMs: HOUR_MS,
  orphanAgeMs: DAY_MS,
}
/** Open uploads whose hash state is kept; further ones are hashed again when they are closed. */
const MAX_LIVE_DIGESTS = 4_096

export function openRegistryContent({ bytes, times, ...given }: RegistryContentDeps): RegistryContent {
  const kept = { ...defaultTimes, ...times }
  const digests = liveDigests(MAX_LIVE_DIGESTS)
  const deps: ContentDeps = { ...given, ...kept, bytes: sealedBytes(bytes), digests }
  const disposed = new AbortController()
  let orphansSoughtAt: number | null = null
  const sweepAll = async () => {
    const now = performance.now()
    // Only a crash makes orphans, and they have to grow old first: once after the start, then once in that age.
    const withOrphans = orphansSoughtAt === null || now - orphansSoughtAt >= kept.orphanAgeMs
    if (withOrphans) orphansSoughtAt = now
    return await sweep({ ...deps, ...kept, store: bytes }, { withOrphans, signal: disposed.signal })
  }
  // A body comes once: these see to an ended lease by themselves.
  const streamed: Pick<RegistryContent, Streamed> = {
    appendUpload: (path, chunk, signal) => appendUpload(deps, path, chunk, signal),
    finishUpload: (command, chunk, signal) => finishUpload(deps, command, chunk, signal),
    putBlob: (command, chunk, signal) => putBlob(deps, command, chunk, signal),
  }
  const whole: Omit<RegistryContent, Streamed | Unkeyed> = {
    startUpload: (command, signal) => startUpload(deps, command, signal),
    getUpload: (path, signal) => getUpload(deps, path, signal),
    cancelUpload: (path, signal) => cancelUpload(deps, path, signal),
    mountBlob: (command, signal) => mountBlob(deps, command, signal),
    getBlob: (path, signal) => getBlob(deps, path, signal),
    deleteBlob: (path, signal) => deleteBlob(deps, path, signal),
    getManifest: (path, signal) => getManifest(deps, path, signal),
    putManifest: (command, signal) => putManifest(deps, command, signal),
    deleteManifest: (path, signal) => deleteManifest(deps, path, signal),
    deleteTag: (path, signal) => deleteTag(deps, path, signal),
    listReferrers: (query, signal) => listReferrers(deps, query, signal),
    listTags: (query, signal) => listTags(deps, query, signal),
    getTag: (path, signal) => getTag(deps, path, signal),
    updateTag: (path, change, signal) => updateTag(deps, path, change, signal),
    listManifests: (query, signal) => listManifests(deps, query, signal),
    getManifestView: (path, signal) => getManifestView(deps, path, signal),
    updateManifest: (path, change, signal) => updateManifest(deps, path, change, signal),
    listRepositories: (query, signal) => listRepositories(deps, query, signal),
    getRepositoryView: (path, signal) => getRepositoryView(deps, path, signal),
    updateRepository: (path, change, signal) => updateRepository(deps, path, change, signal),
    deleteRepository: (path, signal) => deleteRepository(deps, path, signal),
  }
  return {
    ...around(streamed, tellingDamage),
    ...around(whole, (work) => tellingDamage(() => repeated(work))),
    usedBytes: (uid) => bytesOf(given.records.read, uid),
    discard: (uid) => forgetRegistry(deps, uid),
    sweep: sweepAll,
    [Symbol.asyncDispose]: async () => disposed.abort(),
  }
}
