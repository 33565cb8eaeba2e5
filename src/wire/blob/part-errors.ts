import type { BlobFaults } from '../../services/blob/faults.ts'
import { type Table, error } from './wire-error.ts'

type PartFaults = Pick<
  BlobFaults,
  | 'blob-type-unsupported'
  | 'append-position-not-met'
  | 'max-blob-size-not-met'
  | 'sequence-number-not-met'
  | 'sequence-number-increment-too-large'
  | 'page-range-invalid'
  | 'previous-snapshot-not-found'
  | 'previous-snapshot-too-new'
  | 'blob-overwritten'
  | 'incremental-copy-source-invalid'
  | 'blob-sealed'
  | 'incremental-copy-only'
  | 'incremental-copy-mismatch'
  | 'incremental-copy-too-old'
>

/** Of writes to parts of append blobs and page blobs, and of their copies. */
export const partErrors: Table<PartFaults> = {
  'blob-type-unsupported': ({ type }) =>
    error(400, 'BlobTypeNotSupported', `${typeNames[type]} blobs are not supported.`),
  'append-position-not-met': () =>
    error(412, 'AppendPositionConditionNotMet', 'The append position condition specified was not met.'),
  'max-blob-size-not-met': () =>
    error(412, 'MaxBlobSizeConditionNotMet', 'The max blob size condition specified was not met.'),
  'sequence-number-not-met': () =>
    error(412, 'SequenceNumberConditionNotMet', 'The sequence number condition specified was not met.'),
  'sequence-number-increment-too-large': () =>
    error(
      409,
      'SequenceNumberIncrementTooLarge',
      'The sequence number increment cannot be performed because it would result in overflow of the sequence number.',
    ),
  'page-range-invalid': ({ size }) => ({
    ...error(416, 'InvalidPageRange', 'The page range specified is invalid.'),
    headers: { 'content-range': `bytes */${size}` },
  }),
  'previous-snapshot-not-found': () =>
    error(409, 'PreviousSnapshotNotFound', 'The previous snapshot is not found.'),
  'previous-snapshot-too-new': () =>
    error(
      409,
      'PreviousSnapshotCannotBeNewer',
      'The prevsnapshot query parameter value cannot be newer than snapshot query parameter value.',
    ),
  'blob-overwritten': () =>
    error(409, 'BlobOverwritten', 'The blob has been recreated since the previous snapshot was taken.'),
  'incremental-copy-source-invalid': ({ reason }) =>
    error(
      409,
      'IncrementalCopySourceMustBeSnapshot',
      'The source for incremental copy request must be a snapshot.',
      { Reason: reason },
    ),
  'blob-sealed': () =>
    error(
      409,
      'BlobIsSealed',
      "The specified blob is sealed and its contents can't be modified unless the blob is re-created after a delete.",
    ),
  'incremental-copy-only': () =>
    error(
      409,
      'OperationNotAllowedOnIncrementalCopyBlob',
      'The specified operation is not allowed on an incremental copy blob.',
    ),
  'incremental-copy-mismatch': () =>
    error(
      409,
      'IncrementalCopyBlobMismatch',
      'The specified source blob is different than the copy source of the existing incremental copy blob.',
    ),
  'incremental-copy-too-old': () =>
    error(
      409,
      'IncrementalCopyOfEarlierSnapshotNotAllowed',
      'The specified snapshot is earlier than the last snapshot copied into the incremental copy blob.',
    ),
}

const typeNames = { BlockBlob: 'Block', PageBlob: 'Page', AppendBlob: 'Append' } as const
