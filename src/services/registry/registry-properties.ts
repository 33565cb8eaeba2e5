import { type Json, type JsonObject, isJsonObject, member } from '../../kernel/json.ts'
import { refused } from '../resources/faults.ts'
import { checkNetworkRuleSet } from './network-rules.ts'

const skus = ['Basic', 'Standard', 'Premium'] as const
export type Sku = (typeof skus)[number]

/** Storage that each tier includes, bytes: what `az acr show-usage` shows. https://learn.microsoft.com/azure/container-registry/container-registry-skus */
export const includedBytes: Readonly<Record<Sku, number>> = {
  Basic: 10_737_418_240,
  Standard: 107_374_182_400,
  Premium: 536_870_912_000,
}

/** @throws ResourceFault `InvalidSku` */
export function checkSku(sent: JsonObject | null): Sku {
  const name = sent === null ? undefined : member(sent, 'name')
  const sku = skus.find((known) => typeof name === 'string' && known.toLowerCase() === name.toLowerCase())
  if (sku === undefined)
    throw refused(400, 'InvalidSku', `The registry's SKU must be one of ${skus.join(', ')}.`, {
      target: 'sku.name',
    })
  return sku
}

/** 5 to 50 alphanumerics. */
export function checkRegistryName(name: string): { readonly code: string; readonly message: string } | null {
  return /^[a-zA-Z0-9]{5,50}$/.test(name)
    ? null
    : {
        code: 'InvalidResourceName',
        message: `Registry names may contain only letters and digits and must be between 5 and 50 characters: '${name.slice(0, 64)}' does not.`,
      }
}

const switches = ['adminUserEnabled', 'anonymousPullEnabled'] as const
const choices: Readonly<Record<string, readonly string[]>> = {
  publicNetworkAccess: ['Enabled', 'Disabled'],
  networkRuleBypassOptions: ['AzureServices', 'None'],
}
/** Policies whose settings are kept as sent; those that we do not carry out can only be off. */
const policies: Readonly<Record<string, { readonly isCarriedOut: boolean; readonly initial: JsonObject }>> = {
  quarantinePolicy: { isCarriedOut: false, initial: { status: 'disabled' } },
  trustPolicy: { isCarriedOut: false, initial: { type: 'Notary', status: 'disabled' } },
  retentionPolicy: { isCarriedOut: false, initial: { days: 7, status: 'disabled' } },
  softDeletePolicy: { isCarriedOut: false, initial: { retentionDays: 7, status: 'disabled' } },
  exportPolicy: { isCarriedOut: true, initial: { status: 'enabled' } },
  azureADAuthenticationAsArmPolicy: { isCarriedOut: true, initial: { status: 'enabled' } },
}

/** What a new registry has where its creator is silent. */
export const initialProperties: JsonObject = {
  adminUserEnabled: false,
  anonymousPullEnabled: false,
  publicNetworkAccess: 'Enabled',
  networkRuleBypassOptions: 'AzureServices',
  networkRuleSet: { defaultAction: 'Allow', virtualNetworkRules: [], ipRules: [] },
  policies: Object.fromEntries(Object.entries(policies).map(([name, { initial }]) => [name, initial])),
}

/**
 * `stored` with what was sent laid over it. Names are read in any letter case; read-only and unknown members are left
 * out, as Azure does.
 * @throws ResourceFault for a value that is none, or a feature that this version does not have
 */
export function mergeProperties(
  stored: JsonObject,
  sent: JsonObject,
  context: { readonly name: string; readonly isEncrypted: boolean; readonly now: string },
): JsonObject {
  const merged: Record<string, Json> = { ...stored }
  for (const name of switches) {
    const value = member(sent, name)
    if (value === undefined) continue
    if (typeof value !== 'boolean') throw invalid(name, 'true or false')
    merged[name] = value
  }
  for (const [name, allowed] of Object.entries(choices)) {
    const value = member(sent, name)
    if (value === undefined) continue
    if (typeof value !== 'string' || !allowed.includes(value)) throw invalid(name, allowed.join(' or '))
    merged[name] = value
  }
  const ruleSet = sentObject(sent, 'networkRuleSet')
  if (ruleSet !== null) merged['networkRuleSet'] = checkNetworkRuleSet(ruleSet)
  for (const [name, off] of [
    ['dataEndpointEnabled', false],
    ['zoneRedundancy', 'Disabled'],
  ] as const) {
    const value = member(sent, name)
    if (value !== undefined && value !== off) throw notCarriedOut(name)
  }
  const sentPolicies = sentObject(sent, 'policies')
  if (sentPolicies !== null)
    merged['policies'] = mergePolicies(asObject(stored['policies']), sentPolicies, context)
  return merged
}

function mergePolicies(
  stored: JsonObject,
  sent: JsonObject,
  {
    name: registry,
    isEncrypted,
    now,
  }: { readonly name: string; readonly isEncrypted: boolean; readonly now: string },
): JsonObject {
  const merged: Record<string, Json> = { ...stored }
  for (const [name, { isCarriedOut, initial }] of Object.entries(policies)) {
    const policy = sentObject(sent, name)
    if (policy === null) continue
    const before = asObject(stored[name] ?? initial)
    const status = member(policy, 'status') ?? before['status']
    if (status !== 'enabled' && status !== 'disabled')
      throw invalid(`policies.${name}.status`, 'enabled or disabled')
    if (name === 'trustPolicy' && status === 'enabled' && isEncrypted) throw contentTrustBlocked(registry)
    if (status === 'enabled' && !isCarriedOut) throw notCarriedOut(`policies.${name}`)
    const after: Record<string, Json> = { ...before, status }
    for (const key of ['type', 'days', 'retentionDays'] as const) {
      const value = member(policy, key)
      if (value !== undefined && key in initial) after[key] = value
    }
    if (name === 'retentionPolicy') {
      const { days } = after
      if (typeof days !== 'number' || !Number.isInteger(days) || days < 0 || days > 365)
        throw invalid('policies.retentionPolicy.days', 'a whole number from 0 to 365')
      if (after['days'] !== before['days'] || before['lastUpdatedTime'] === undefined)
        after['lastUpdatedTime'] = now
    }
    merged[name] = after
  }
  return merged
}

/** Azure's own words, typing error included: people's scripts look for them. */
function contentTrustBlocked(registry: string) {
  return refused(
    400,
    'BlockedForEncryptionEnabledRegistry',
    `this feature 'ContenTrust' is currently not supported when encryption is enable for the resource ${registry}. ` +
      "For more information on customer-managed keys, please visit 'https://aka.ms/acr/cmk'.",
  )
}

function notCarriedOut(name: string) {
  return refused(
    400,
    'FeatureNotSupported',
    `This version of Strongroom does not carry out '${name}', so it cannot be turned on. Leave it out.`,
    { target: name },
  )
}

function invalid(name: string, wanted: string) {
  return refused(400, 'InvalidRequestContent', `The property '${name}' must be ${wanted}.`, { target: name })
}

/** Null when it is not named. Whoever sends a firewall in a form that is none must not be left to believe in it. */
function sentObject(sent: JsonObject, name: string): JsonObject | null {
  const value = member(sent, name)
  if (value === undefined) return null
  if (!isJsonObject(value)) throw invalid(name, 'an object')
  return value
}

function asObject(value: Json | undefined): JsonObject {
  return isJsonObject(value) ? value : {}
}
