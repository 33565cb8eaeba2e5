import { collect } from '../../src/kernel/bytes.ts'
import { noConditions } from '../../src/services/blob/conditions.ts'
import { noEncryption } from '../../src/services/blob/encryption.ts'
import { never } from './blob-bench.ts'
import { bodyOf } from './body.ts'
import { bytesOf } from './blob-model-commands.ts'
import { leaseActionRefusals, leaseAfter, leaseRefusals } from './blob-model-lease.ts'
import {
  type HasEtag,
  type Steps,
  changed,
  checksum,
  conditionsOf,
  keyed,
  metadataOf,
  newBlob,
  now,
  pathOf,
  step,
  there,
  typed,
  writing,
} from './blob-model-step.ts'
import { keep, newKept, readRefusals, replace, writeRefusals } from './blob-model.ts'

type Whole =
  | 'put'
  | 'block'
  | 'list'
  | 'properties'
  | 'metadata'
  | 'snapshot'
  | 'delete'
  | 'delete-snapshot'
  | 'lease'
  | 'read'

/** Block blobs, and what is done to blobs of any type. */
export const wholeSteps: Steps<Whole> = {
  put(run, command) {
    const { name, fill, metadata } = command
    const bytes = bytesOf(fill)
    const { options, refusals } = writing(run, command)
    const asked = { ...newBlob, ...options, metadata: metadataOf(metadata) }
    return step({
      refusals: [...refusals, ...keyed(run)],
      call: () =>
        run.bench.blobs.putBlob({ at: pathOf(run, name), command: asked }, bodyOf(bytes, 10_000), never),
      then: ({ blob }: { blob: HasEtag }) =>
        replace(
          run.model,
          name,
          newKept('BlockBlob', { bytes, etag: blob.doc.etag, metadata: metadataOf(metadata) }),
          now(run),
        ),
    })
  },

  block(run, { name, id, fill, lease }) {
    const blob = run.model.blobs.get(name)
    const bytes = bytesOf(fill)
    const command = { block: id, leaseId: lease, encryption: noEncryption, checksum, knowsCrc64: true }
    return step({
      refusals: [
        ...typed(blob, 'BlockBlob'),
        ...leaseRefusals(blob?.lease ?? null, lease, now(run)),
        ...keyed(run),
      ],
      call: () => run.bench.blobs.putBlock({ at: pathOf(run, name), command }, bodyOf(bytes), never),
      then: () => {
        const blocks = run.model.uncommitted.get(name) ?? new Map<string, Buffer>()
        run.model.uncommitted.set(name, blocks.set(id, bytes))
      },
    })
  },

  list(run, command) {
    const { name, blocks, metadata } = command
    const { blob, options, refusals } = writing(run, command)
    const uncommitted = run.model.uncommitted.get(name)
    const committed = new Map(blob?.blocks)
    const found = blocks.map(({ from, id }) => {
      const bytes =
        (from === 'committed' ? undefined : uncommitted?.get(id)) ??
        (from === 'uncommitted' ? undefined : committed.get(id))
      return [id, bytes] as const
    })
    const isMissing = found.some(([, bytes]) => bytes === undefined)
    const made = found.map(([id, bytes = Buffer.alloc(0)]) => [id, bytes] as const)
    const asked = { ...newBlob, ...options, blocks, metadata: metadataOf(metadata) }
    return step({
      refusals: [
        ...refusals,
        ...typed(blob, 'BlockBlob'),
        ...(isMissing ? ['block-list-invalid'] : []),
        ...(metadata === '' ? [] : keyed(run)),
      ],
      call: () => run.bench.blobs.putBlockList(pathOf(run, name), asked, never),
      then: ({ doc: { etag } }: HasEtag) => {
        const bytes = Buffer.concat(made.map(([, one]) => one))
        const given = { bytes, etag, blocks: made, metadata: metadataOf(metadata) }
        replace(run.model, name, newKept('BlockBlob', given), now(run))
      },
    })
  },

  properties(run, command) {
    const { blob, options, refusals } = writing(run, command)
    const { contentType } = command
    const asked = { ...options, headers: contentType === '' ? {} : { contentType }, pages: null }
    return step({
      refusals: [...refusals, ...there(blob)],
      call: () => run.bench.blobs.setBlobProperties(pathOf(run, command.name), asked),
      then: changed(run, blob, (one) => {
        one.contentType = contentType === '' ? undefined : contentType
      }),
    })
  },

  metadata(run, command) {
    const { blob, options, refusals } = writing(run, command)
    const metadata = metadataOf(command.metadata)
    return step({
      refusals: [...refusals, ...there(blob), ...keyed(run)],
      call: () => run.bench.blobs.setBlobMetadata(pathOf(run, command.name), { ...options, metadata }, never),
      then: changed(run, blob, (one) => {
        one.metadata = metadata
      }),
    })
  },

  snapshot(run, command) {
    const { name, condition, lease } = command
    const { blob, options } = writing(run, command)
    const metadata = command.metadata === '' ? null : metadataOf(command.metadata)
    return step({
      refusals: [
        ...there(blob),
        ...writeRefusals(blob, condition, false),
        ...(lease === null ? [] : leaseRefusals(blob?.lease ?? null, lease, now(run))),
        ...(metadata === null ? [] : keyed(run)),
      ],
      call: () => run.bench.blobs.snapshotBlob(pathOf(run, name), { ...options, metadata }, never),
      then: ({ snapshot }: { snapshot: HasEtag & { moment: string } }) => {
        if (blob === undefined) return
        const own = metadata === null ? {} : { metadata, etag: snapshot.doc.etag }
        blob.snapshots.push({ ...keep(blob), ...own, moment: snapshot.moment })
      },
    })
  },

  delete(run, command) {
    const { name, snapshots } = command
    const { blob, options, refusals } = writing(run, command)
    const isKept = snapshots === 'none' && (blob?.snapshots.length ?? 0) > 0
    return step({
      refusals: [...refusals, ...there(blob), ...(isKept ? ['snapshots-present'] : [])],
      call: () =>
        run.bench.blobs.deleteBlob(pathOf(run, name), {
          ...options,
          ...(snapshots === 'none' ? {} : { snapshots }),
        }),
      then: () => {
        if (snapshots === 'only') blob?.snapshots.splice(0)
        else run.model.blobs.delete(name)
      },
    })
  },

  'delete-snapshot'(run, { name, index }) {
    const blob = run.model.blobs.get(name)
    const snapshot = blob?.snapshots[index]
    if (snapshot === undefined) return null
    const options = { conditions: noConditions, leaseId: null }
    return step({
      refusals: [],
      call: () => run.bench.blobs.deleteBlob(pathOf(run, name, snapshot.moment), options),
      then: () => blob?.snapshots.splice(index, 1),
    })
  },

  lease(run, { name, action, id, seconds }) {
    const blob = run.model.blobs.get(name)
    const command =
      action === 'acquire'
        ? { action, proposedId: id, durationSeconds: seconds === 0 ? null : seconds }
        : action === 'break'
          ? { action, periodSeconds: seconds }
          : { action, id }
    return step({
      refusals: [...there(blob), ...leaseActionRefusals(blob?.lease ?? null, { action, id }, now(run))],
      call: () => run.bench.blobs.leaseBlob(pathOf(run, name), { command, conditions: noConditions }),
      then: ({ doc }: HasEtag) => {
        if (blob === undefined) return
        if (doc.etag !== blob.etag) throw new Error('a lease has changed the ETag')
        blob.lease = leaseAfter(blob.lease, { action, id, seconds }, now(run))
      },
    })
  },

  read(run, command) {
    const { name, condition, lease, from, count } = command
    const blob = run.model.blobs.get(name)
    const { bytes = Buffer.alloc(0) } = blob ?? {}
    const span = { start: Math.min(from, bytes.length), end: Math.min(from + count, bytes.length) }
    const asked = { conditions: conditionsOf(condition, blob), leaseId: lease, customerKey: null }
    return step({
      refusals: [
        ...there(blob),
        ...readRefusals(condition),
        ...(lease === null ? [] : leaseRefusals(blob?.lease ?? null, lease, now(run))),
        ...keyed(run),
      ],
      async call() {
        const found = await run.bench.blobs.getBlob(pathOf(run, name), asked, never)
        return await collect(found.read(span, never))
      },
      then: (read: Buffer) => {
        if (!read.equals(bytes.subarray(span.start, span.end))) throw new Error('a read of other bytes')
      },
    })
  },
}
