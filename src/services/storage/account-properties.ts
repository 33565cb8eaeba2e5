import type { Json, JsonObject } from '../../kernel/json.ts'
import { member } from '../../kernel/json.ts'
import { refused } from '../resources/faults.ts'
import { type AccountClass, tierOf } from './account-kinds.ts'
import {
  asObject,
  invalidValue,
  notCarriedOut,
  sentBoolean,
  sentObject,
  sentText,
  withWord,
} from './account-words.ts'
import { mergeNetworkAcls, openNetworkAcls } from './storage-network.ts'

const switches = [
  'supportsHttpsTrafficOnly',
  'allowBlobPublicAccess',
  'allowSharedKeyAccess',
  'allowCrossTenantReplication',
  'defaultToOAuthAuthentication',
] as const

const choices: Readonly<Record<string, readonly string[]>> = {
  minimumTlsVersion: ['TLS1_0', 'TLS1_1', 'TLS1_2', 'TLS1_3'],
  publicNetworkAccess: ['Enabled', 'Disabled'],
}

/** What cannot be turned on, and how its being off is written. */
const absent: Readonly<Record<string, Json>> = {
  isHnsEnabled: false,
  isNfsV3Enabled: false,
  isSftpEnabled: false,
  isLocalUserEnabled: false,
  enableExtendedGroups: false,
  largeFileSharesState: 'Disabled',
  dnsEndpointType: 'Standard',
}
/** The same, where what says so is a member of an object. */
const absentBlocks: Readonly<Record<string, readonly [member: string, off: Json]>> = {
  immutableStorageWithVersioning: ['enabled', false],
  azureFilesIdentityBasedAuthentication: ['directoryServiceOptions', 'None'],
  customDomain: ['name', ''],
  routingPreference: ['routingChoice', 'MicrosoftRouting'],
  dualStackEndpointPreference: ['publishIpv6Endpoint', false],
  geoPriorityReplicationStatus: ['isBlobEnabled', false],
}

/** What a new account has where its creator is silent. `allowSharedKeyAccess` is not said then, and means true. */
export const initialProperties: JsonObject = {
  supportsHttpsTrafficOnly: true,
  minimumTlsVersion: 'TLS1_2',
  allowBlobPublicAccess: false,
  allowCrossTenantReplication: false,
  publicNetworkAccess: 'Enabled',
  networkAcls: openNetworkAcls,
}

/**
 * `stored` with what was sent laid over it. Names are read in any letter case; read-only and unknown members are left
 * out, as Azure does. Encryption is not of these.
 * @throws ResourceFault for a value that is none, or a feature that this version does not have
 */
export function mergeProperties(
  stored: JsonObject,
  sent: JsonObject,
  { kind, sku }: AccountClass,
): JsonObject {
  const merged: Record<string, Json> = { ...stored }
  for (const name of switches) {
    const value = sentBoolean(sent, name)
    if (value !== undefined) merged[name] = value
  }
  for (const [name, words] of Object.entries(choices)) {
    const value = member(sent, name)
    if (value !== undefined) merged[name] = withWord(name, value, words)
  }
  const acls = sentObject(sent, 'networkAcls')
  if (acls !== null) merged['networkAcls'] = mergeNetworkAcls(asObject(stored['networkAcls']), acls)
  const keyPolicy = sentObject(sent, 'keyPolicy')
  if (keyPolicy !== null) merged['keyPolicy'] = checkKeyPolicy(keyPolicy)
  const sasPolicy = sentObject(sent, 'sasPolicy')
  if (sasPolicy !== null) merged['sasPolicy'] = checkSasPolicy(sasPolicy)
  assertAbsent(sent)
  const tier = accessTier(sentText(sent, 'accessTier'), stored['accessTier'], { kind, sku })
  if (tier !== null) merged['accessTier'] = tier
  return merged
}

/** https://learn.microsoft.com/azure/storage/blobs/access-tiers-overview: only where blobs have tiers. */
function accessTier(
  sent: string | null,
  stored: Json | undefined,
  { kind, sku }: AccountClass,
): string | null {
  const hasTiers = (kind === 'StorageV2' || kind === 'BlobStorage') && tierOf(sku) === 'Standard'
  const fixed = kind === 'BlockBlobStorage' ? 'Premium' : null
  const words = hasTiers ? ['Hot', 'Cool', 'Cold'] : fixed === null ? [] : [fixed]
  if (sent !== null) {
    const found = words.find((word) => word.toLowerCase() === sent.toLowerCase())
    if (found === undefined) throw invalidTier(sent, { kind, sku })
    return found
  }
  if (!hasTiers) return fixed
  if (typeof stored === 'string') return stored
  if (kind === 'BlobStorage') throw invalidTier('', { kind, sku })
  return 'Hot'
}

function invalidTier(sent: string, { kind, sku }: AccountClass) {
  return refused(
    400,
    'InvalidAccessTier',
    sent === ''
      ? `An account of kind ${kind} needs an access tier: Hot, Cool or Cold.`
      : `The access tier '${sent.slice(0, 64)}' is not allowed for an account of kind ${kind} with ${sku}.`,
    { target: 'accessTier' },
  )
}

/** Says after how many days a key should be renewed: looked at by who audits, as in Azure. */
function checkKeyPolicy(sent: JsonObject): JsonObject {
  const days = member(sent, 'keyExpirationPeriodInDays')
  if (typeof days !== 'number' || !Number.isInteger(days) || days < 1)
    throw invalidValue('keyPolicy.keyExpirationPeriodInDays', days, 'a whole number of days')
  return { keyExpirationPeriodInDays: days }
}

function checkSasPolicy(sent: JsonObject): JsonObject {
  const period = member(sent, 'sasExpirationPeriod')
  if (typeof period !== 'string' || !/^\d+\.\d{2}:\d{2}:\d{2}$/.test(period))
    throw invalidValue('sasPolicy.sasExpirationPeriod', period, 'a period like 1.12:05:06')
  if (member(sent, 'expirationAction') === 'Block') throw notCarriedOut('sasPolicy.expirationAction Block')
  return { sasExpirationPeriod: period, expirationAction: 'Log' }
}

function assertAbsent(sent: JsonObject): void {
  for (const [name, off] of Object.entries(absent)) {
    const value = member(sent, name)
    if (value !== undefined && value !== off) throw notCarriedOut(name)
  }
  for (const [name, [part, off]] of Object.entries(absentBlocks)) {
    const block = sentObject(sent, name)
    const value = block === null ? undefined : member(block, part)
    if (value !== undefined && value !== off) throw notCarriedOut(`${name}.${part}`)
  }
  if (member(sent, 'allowedCopyScope') !== undefined) throw notCarriedOut('allowedCopyScope')
}
