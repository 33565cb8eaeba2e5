import { type Json, type JsonObject, member } from '../../kernel/json.ts'
import { refused } from '../resources/faults.ts'
import type { Resource } from '../resources/provider.ts'
import {
  asObject,
  fixedProperty,
  notCarriedOut,
  sentBoolean,
  sentObject,
  sentText,
  withWord,
} from './account-words.ts'
import { ACCOUNT_KEY_SCOPE } from './container-document.ts'
import type { ContainerChange, ContainerSettings } from './ports.ts'
import type { StorageAccount } from './storage-account.ts'

/** @throws ResourceFault `PublicAccessNotPermitted`, `InvalidMetadata`, ... */
export function newContainer(sent: JsonObject, account: StorageAccount): ContainerSettings {
  const { publicAccess = 'none', metadata = {} } = readChange(sent, account)
  return {
    publicAccess,
    metadata,
    defaultScope: readScope(sent),
    deniesScopeOverride: sentBoolean(sent, 'denyEncryptionScopeOverride') ?? false,
    hasVersionImmutability: sentVersionImmutability(sent, account) ?? false,
  }
}

/** @throws ResourceFault without versioning on the account: then nothing would be kept */
function sentVersionImmutability(sent: JsonObject, account: StorageAccount): boolean | undefined {
  const block = sentObject(sent, 'immutableStorageWithVersioning')
  const isOn =
    block === null ? undefined : sentBoolean(block, 'enabled', 'immutableStorageWithVersioning.enabled')
  if (isOn !== true || account.blobService.isVersioningEnabled) return isOn
  throw refused(
    409,
    'FeatureNotSupportedForAccount',
    'Version-level immutability needs versioning on the account.',
    { target: 'immutableStorageWithVersioning' },
  )
}

/** A container's default scope is chosen when it is made. @throws ResourceFault */
export function containerChange(
  sent: JsonObject,
  account: StorageAccount,
  { properties: before }: Resource,
): ContainerChange {
  const scope = sentText(sent, 'defaultEncryptionScope')
  const kept = before['defaultEncryptionScope']
  if (scope !== null && (typeof kept !== 'string' || scope.toLowerCase() !== kept.toLowerCase()))
    throw fixedProperty('defaultEncryptionScope')
  const denies = sentBoolean(sent, 'denyEncryptionScopeOverride')
  if (denies !== undefined && denies !== before['denyEncryptionScopeOverride'])
    throw fixedProperty('denyEncryptionScopeOverride')
  const isOn = sentVersionImmutability(sent, account)
  if (isOn !== undefined && isOn !== isObjectOn(before['immutableStorageWithVersioning']))
    throw fixedProperty('immutableStorageWithVersioning')
  return readChange(sent, account)
}

function readChange(
  sent: JsonObject,
  account: StorageAccount,
): Pick<ContainerChange, 'publicAccess' | 'metadata'> {
  assertCarriedOut(sent)
  const publicAccess = member(sent, 'publicAccess')
  const metadata = sentObject(sent, 'metadata')
  return {
    ...(publicAccess === undefined ? {} : { publicAccess: readPublicAccess(publicAccess, account) }),
    ...(metadata === null ? {} : { metadata: readMetadata(metadata) }),
  }
}

function readPublicAccess(sent: Json, account: StorageAccount): ContainerSettings['publicAccess'] {
  const word = withWord('publicAccess', sent, ['None', 'Blob', 'Container'])
  if (word === 'None') return 'none'
  if (!account.allowsBlobPublicAccess)
    throw refused(
      409,
      'PublicAccessNotPermitted',
      'Public access is not permitted on this storage account.',
      {
        target: 'publicAccess',
      },
    )
  return word === 'Blob' ? 'blob' : 'container'
}

const MAX_METADATA_BYTES = 8192

/** Names are identifiers of C#, values header values: as the data plane takes them. */
function readMetadata(sent: JsonObject): Readonly<Record<string, string>> {
  const isFit = Object.entries(sent).every(
    ([name, value]) =>
      /^[a-z_][a-z0-9_]*$/i.test(name) && typeof value === 'string' && /^[\x20-\x7e]*$/.test(value),
  )
  const metadata = sent as Readonly<Record<string, string>>
  if (!isFit || Object.entries(metadata).flat().join('').length > MAX_METADATA_BYTES)
    throw refused(400, 'InvalidMetadata', 'The metadata specified is invalid.', { target: 'metadata' })
  return metadata
}

function readScope(sent: JsonObject): string | null {
  const scope = sentText(sent, 'defaultEncryptionScope')
  return scope === null || scope === '' || scope.toLowerCase() === ACCOUNT_KEY_SCOPE ? null : scope
}

function isObjectOn(shown: Json | undefined): boolean {
  return asObject(shown)['enabled'] === true
}

function assertCarriedOut(sent: JsonObject): void {
  for (const name of ['enableNfsV3RootSquash', 'enableNfsV3AllSquash'])
    if (sentBoolean(sent, name) === true) throw notCarriedOut(name)
}
