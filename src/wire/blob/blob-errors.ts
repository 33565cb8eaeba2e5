import type { BlobFaults } from '../../services/blob/faults.ts'
import { partErrors } from './part-errors.ts'
import { serviceErrors } from './service-errors.ts'
import { type Table, type WireError, copySourceError, error } from './wire-error.ts'

const leaseStates: Readonly<Record<BlobFaults['lease-state-invalid']['action'], WireError>> = {
  acquire: error(
    409,
    'LeaseIsBreakingAndCannotBeAcquired',
    'The lease ID matched, but the lease is currently in breaking state and cannot be acquired until it is broken.',
  ),
  renew: error(
    409,
    'LeaseIsBrokenAndCannotBeRenewed',
    'The lease ID matched, but the lease has been broken explicitly and cannot be renewed.',
  ),
  change: error(
    409,
    'LeaseIsBreakingAndCannotBeChanged',
    'The lease ID matched, but the lease is currently in breaking state and cannot be changed.',
  ),
}

/** https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes and common-rest-api-error-codes */
export const blobErrors: Table<BlobFaults> = {
  'account-not-found': () => error(404, 'ResourceNotFound', 'The specified account does not exist.'),
  'container-not-found': () => error(404, 'ContainerNotFound', 'The specified container does not exist.'),
  'container-already-exists': () =>
    error(409, 'ContainerAlreadyExists', 'The specified container already exists.'),
  'container-being-deleted': () =>
    error(409, 'ContainerBeingDeleted', 'The specified container is being deleted. Try operation later.'),
  'blob-not-found': () => error(404, 'BlobNotFound', 'The specified blob does not exist.'),
  'blob-already-exists': () => error(409, 'BlobAlreadyExists', 'The specified blob already exists.'),
  'blob-type-invalid': () => error(409, 'InvalidBlobType', 'The blob type is invalid for this operation.'),
  'name-invalid': ({ reason }) =>
    error(400, 'InvalidResourceName', 'The specifed resource name contains invalid characters.', {
      Reason: reason,
    }),
  'condition-not-met': () =>
    error(412, 'ConditionNotMet', 'The condition specified using HTTP conditional header(s) is not met.'),
  'not-modified': () =>
    error(304, 'ConditionNotMet', 'The condition specified using HTTP conditional header(s) is not met.'),
  'condition-unsatisfiable': () =>
    error(
      400,
      'UnsatisfiableCondition',
      'The request includes an unsatisfiable condition for this operation.',
    ),
  'conditions-conflicting': () =>
    error(400, 'MultipleConditionHeadersNotSupported', 'Multiple condition headers are not supported.'),
  'lease-id-missing': ({ about }) =>
    error(
      412,
      'LeaseIdMissing',
      `There is currently a lease on the ${about} and no lease ID was specified in the request.`,
    ),
  'lease-id-mismatch': ({ about, operation }) =>
    operation === 'lease'
      ? error(
          409,
          'LeaseIdMismatchWithLeaseOperation',
          `The lease ID specified did not match the lease ID for the ${about}.`,
        )
      : error(
          412,
          about === 'blob' ? 'LeaseIdMismatchWithBlobOperation' : 'LeaseIdMismatchWithContainerOperation',
          `The lease ID specified did not match the lease ID for the ${about}.`,
        ),
  'lease-not-present': ({ about, operation }) =>
    operation === 'lease'
      ? error(409, 'LeaseNotPresentWithLeaseOperation', `There is currently no lease on the ${about}.`)
      : error(
          412,
          about === 'blob' ? 'LeaseNotPresentWithBlobOperation' : 'LeaseNotPresentWithContainerOperation',
          `There is currently no lease on the ${about}.`,
        ),
  'lease-lost': () =>
    error(412, 'LeaseLost', 'A lease ID was specified, but the lease for the resource has expired.'),
  'lease-already-present': () => error(409, 'LeaseAlreadyPresent', 'There is already a lease present.'),
  'lease-state-invalid': ({ action }) => leaseStates[action],
  'range-invalid': ({ size }) => ({
    ...error(416, 'InvalidRange', 'The range specified is invalid for the current size of the resource.'),
    headers: { 'content-range': `bytes */${size}` },
  }),
  'md5-invalid': ({ name }) =>
    error(
      400,
      'InvalidMd5',
      'The MD5 value specified in the request is invalid. MD5 value must be 128 bits and base64 encoded.',
      { HeaderName: name },
    ),
  'md5-mismatch': ({ user, server }) =>
    error(
      400,
      'Md5Mismatch',
      'The MD5 value specified in the request did not match with the MD5 value calculated by the server.',
      {
        UserSpecifiedMd5: user,
        ServerCalculatedMd5: server,
      },
    ),
  'crc64-mismatch': ({ user, server }) =>
    error(
      400,
      'Crc64Mismatch',
      'The CRC64 value specified in the request did not match with the CRC64 value calculated by the server.',
      {
        UserSpecifiedCrc: user,
        ServerCalculatedCrc: server,
      },
    ),
  'header-invalid': ({ name, value, reason }) =>
    error(400, 'InvalidHeaderValue', 'The value for one of the HTTP headers is not in the correct format.', {
      HeaderName: name,
      HeaderValue: value,
      ...(reason === undefined ? {} : { Reason: reason }),
    }),
  'header-missing': ({ name }) =>
    error(
      400,
      'MissingRequiredHeader',
      "An HTTP header that's mandatory for this request is not specified.",
      { HeaderName: name },
    ),
  'query-invalid': ({ name, value, reason }) =>
    error(
      400,
      'InvalidQueryParameterValue',
      'Value for one of the query parameters specified in the request URI is invalid.',
      {
        QueryParameterName: name,
        QueryParameterValue: value,
        ...(reason === undefined ? {} : { Reason: reason }),
      },
    ),
  'query-missing': ({ name }) =>
    error(
      400,
      'MissingRequiredQueryParameter',
      "A query parameter that's mandatory for this request is not specified.",
      {
        QueryParameterName: name,
      },
    ),
  'query-out-of-range': ({ name, value, min, max }) =>
    error(
      400,
      'OutOfRangeQueryParameterValue',
      'One of the query parameters specified in the request URI is outside the permissible range.',
      {
        QueryParameterName: name,
        QueryParameterValue: value,
        MinimumAllowed: min,
        MaximumAllowed: max,
      },
    ),
  'batch-invalid': ({ reason }) =>
    error(400, 'InvalidInput', 'One of the request inputs is not valid.', { Reason: reason }),
  'document-invalid': ({ reason }) =>
    error(400, 'InvalidXmlDocument', 'XML specified is not syntactically valid.', { Reason: reason }),
  'document-value-invalid': ({ name, value }) =>
    error(400, 'InvalidXmlNodeValue', 'The value for one of the XML nodes is not in the correct format.', {
      XmlNodeName: name,
      XmlNodeValue: value,
    }),
  'metadata-invalid': () =>
    error(
      400,
      'InvalidMetadata',
      'The metadata specified is invalid. It has characters that are not permitted.',
    ),
  'metadata-empty-name': () =>
    error(400, 'EmptyMetadataKey', 'The key for one of the metadata key-value pairs is empty.'),
  'metadata-too-large': () =>
    error(400, 'MetadataTooLarge', 'The metadata specified exceeds the maximum allowed limit (8KB).'),
  'body-too-large': ({ maxBytes }) =>
    error(
      413,
      'RequestBodyTooLarge',
      'The request body is too large and exceeds the maximum permissible limit.',
      {
        MaxLimit: String(maxBytes),
      },
    ),
  'length-missing': () =>
    error(411, 'MissingContentLengthHeader', 'The Content-Length header was not specified.'),
  'block-id-invalid': () =>
    error(400, 'InvalidBlobOrBlock', 'The specified blob or block content is invalid.'),
  'block-list-invalid': ({ reason }) =>
    error(400, 'InvalidBlockList', 'The specified block list is invalid.', { Reason: reason }),
  'block-id-malformed': ({ id }) =>
    error(400, 'InvalidBlockId', 'The specified block ID is invalid. The block ID must be Base64-encoded.', {
      InvalidBlockId: id,
    }),
  'block-list-too-long': () =>
    error(400, 'BlockListTooLong', 'The block list may not contain more than 50,000 blocks.'),
  'block-count-exceeded': ({ about, max }) =>
    error(
      409,
      'BlockCountExceedsLimit',
      `The ${about} block count cannot exceed the maximum limit of ${max.toLocaleString('en-US')} blocks.`,
    ),
  ...partErrors,
  ...serviceErrors,
  'snapshots-present': () =>
    error(409, 'SnapshotsPresent', 'This operation is not permitted because the blob has snapshots.'),
  'current-version-operation-invalid': () =>
    error(
      403,
      'OperationNotAllowedOnRootBlob',
      'The operation is not allowed on the current version of a blob.',
    ),
  'snapshot-operation-invalid': ({ reason }) =>
    error(
      400,
      'InvalidQueryParameterValue',
      'Value for one of the query parameters specified in the request URI is invalid.',
      {
        Reason: reason,
      },
    ),
  'copy-source-unreachable': ({ reason }) =>
    error(400, 'CannotVerifyCopySource', 'Could not verify the copy source within the specified time.', {
      Reason: reason,
    }),
  'copy-source-refused': ({ status, code }) =>
    copySourceError({ status, code, message: 'Could not verify the copy source.' }),
  'copy-source-type-invalid': () =>
    error(409, 'InvalidSourceBlobType', 'The copy source blob type is invalid for this operation.'),
  'copy-source-too-large': ({ maxBytes }) =>
    error(409, 'CannotVerifyCopySource', 'The copy source is larger than this operation takes.', {
      MaxLimit: String(maxBytes),
    }),
  'source-condition-not-met': () =>
    error(
      412,
      'SourceConditionNotMet',
      'The source condition specified using HTTP conditional header(s) is not met.',
    ),
  'target-condition-not-met': () =>
    error(
      412,
      'TargetConditionNotMet',
      'The target condition specified using HTTP conditional header(s) is not met.',
    ),
  'copy-tags-ambiguous': () =>
    error(
      409,
      'BothUserTagsAndSourceTagsCopyPresentException',
      'x-ms-tags must not be given where x-ms-copy-source-tag-option is COPY.',
    ),
  'lease-not-infinite': () =>
    error(
      412,
      'InfiniteLeaseDurationRequired',
      'The lease ID matched, but the specified lease must be an infinite-duration lease.',
    ),
  'copy-source-invalid': ({ reason }) =>
    error(400, 'InvalidHeaderValue', 'The value for one of the HTTP headers is not in the correct format.', {
      HeaderName: 'x-ms-copy-source',
      Reason: reason,
    }),
  'copy-id-mismatch': () =>
    error(
      409,
      'CopyIdMismatch',
      'The specified copy ID did not match the copy ID for the pending copy operation.',
    ),
  'copy-pending': () => error(409, 'PendingCopyOperation', 'There is currently a pending copy operation.'),
  'copy-not-pending': () =>
    error(409, 'NoPendingCopyOperation', 'There is currently no pending copy operation.'),
  'blob-archived': () => error(409, 'BlobArchived', 'This operation is not permitted on an archived blob.'),
  'blob-being-rehydrated': () =>
    error(
      409,
      'BlobBeingRehydrated',
      'This operation is not permitted because the blob is being rehydrated.',
    ),
  'tier-invalid': ({ reason }) =>
    error(400, 'InvalidBlobTier', 'The specified blob tier is invalid.', { Reason: reason }),
  'tier-unsupported': () =>
    error(400, 'AccessTierNotSupportedForBlobType', 'The access tier is not supported for this blob type.'),
  'tier-too-low': () =>
    error(409, 'CannotChangeToLowerTier', 'A higher blob tier has already been explicitly set.'),
  'tags-invalid': ({ reason }) =>
    error(
      400,
      'InvalidTag',
      'The tags specified are invalid. It contains characters that are not permitted.',
      { Reason: reason },
    ),
  'blob-immutable': ({ cause }) =>
    error(
      409,
      cause === 'policy' ? 'BlobImmutableDueToPolicy' : 'BlobImmutableDueToLegalHold',
      cause === 'policy'
        ? 'This operation is not permitted as the blob is immutable due to a policy.'
        : 'This operation is not permitted as the blob is immutable due to one or more legal holds.',
    ),
  'immutability-invalid': ({ reason }) =>
    error(400, 'InvalidHeaderValue', 'The value for one of the HTTP headers is not in the correct format.', {
      Reason: reason,
    }),
  'scope-not-found': ({ scope }) =>
    error(400, 'InvalidHeaderValue', 'The encryption scope does not exist.', {
      HeaderName: 'x-ms-encryption-scope',
      HeaderValue: scope,
    }),
  'scope-disabled': ({ scope }) =>
    error(
      403,
      'EncryptionScopeDisabled',
      `The encryption scope '${scope}' is disabled. Enable it to read and write what it protects.`,
    ),
  'scope-override-denied': () =>
    error(
      403,
      'RequestForbiddenByContainerEncryptionPolicy',
      'The request is forbidden by the container encryption policy.',
    ),
  'encryption-mismatch': () =>
    error(
      409,
      'BlobCustomerSpecifiedEncryptionMismatch',
      'The given customer specified encryption does not match the encryption used to encrypt the blob.',
    ),
  'encryption-key-missing': () =>
    error(
      409,
      'BlobUsesCustomerSpecifiedEncryption',
      'The blob is encrypted with customer specified encryption, but it was not provided in the request.',
    ),
  'encryption-key-unexpected': () =>
    error(
      409,
      'BlobDoesNotUseCustomerSpecifiedEncryption',
      'The blob is not encrypted with customer specified encryption, but one was provided in the request.',
    ),
  'feature-disabled': ({ feature }) =>
    error(409, 'FeatureNotEnabled', `${feature} is not enabled for this account.`),
  'operation-unsupported': ({ reason }) => error(400, 'UnsupportedHeader', reason),
  'content-damaged': () =>
    error(
      500,
      'InternalError',
      'What is stored of this blob is damaged or missing. Restore it from a backup, or delete it and write it again.',
    ),
}
