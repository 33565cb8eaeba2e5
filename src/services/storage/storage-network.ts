import { isIpRange } from '../../kernel/ip-range.ts'
import { type Json, type JsonObject, isJsonObject, member } from '../../kernel/json.ts'
import { type ResourceFault, refused } from '../resources/faults.ts'
import { asObject, withWord } from './account-words.ts'
import type { StorageNetwork } from './storage-account.ts'

/** https://learn.microsoft.com/azure/storage/common/storage-network-security-limitations */
const MAX_RULES = 400

export const openNetworkAcls: JsonObject = {
  bypass: 'AzureServices',
  virtualNetworkRules: [],
  ipRules: [],
  defaultAction: 'Allow',
}

/**
 * The stored form of `networkAcls` as sent, laid over what was stored.
 * @throws ResourceFault for an action or a range that is none (IPv4 only, as in Azure), and for rules that nobody would keep
 */
export function mergeNetworkAcls(stored: JsonObject, sent: JsonObject): JsonObject {
  for (const name of ['virtualNetworkRules', 'resourceAccessRules', 'ipv6Rules']) {
    if (listOf(sent, name).length > 0)
      throw invalidRules(`${name}: there are no virtual networks, resource instances or IPv6 rules here`)
  }
  const defaultAction = member(sent, 'defaultAction') ?? stored['defaultAction']
  return {
    bypass: checkBypass(member(sent, 'bypass') ?? stored['bypass']),
    virtualNetworkRules: [],
    ipRules: member(sent, 'ipRules') === undefined ? (stored['ipRules'] ?? []) : ipRules(sent),
    defaultAction: withWord('networkAcls.defaultAction', defaultAction, ['Allow', 'Deny']),
  }
}

/** From stored properties: `publicNetworkAccess` overrides the rules. */
export function networkOf(properties: JsonObject): StorageNetwork {
  const acls = asObject(properties['networkAcls'])
  return {
    isPublic: properties['publicNetworkAccess'] !== 'Disabled',
    defaultAction: acls['defaultAction'] === 'Deny' ? 'Deny' : 'Allow',
    ipRules: listOf(acls, 'ipRules').flatMap(({ value }) => (typeof value === 'string' ? [value] : [])),
  }
}

function ipRules(sent: JsonObject): readonly JsonObject[] {
  const rules = listOf(sent, 'ipRules')
  if (rules.length > MAX_RULES) throw invalidRules(`ipRules: ${MAX_RULES} rules at most`)
  return rules.map((rule) => {
    const value = member(rule, 'value')
    if (typeof value !== 'string' || !isIpRange(value)) throw invalidRules('ipRules[*].value')
    return {
      value,
      action: withWord('networkAcls.ipRules[*].action', member(rule, 'action') ?? 'Allow', ['Allow']),
    }
  })
}

/** `None`, or words of `Logging`, `Metrics`, `AzureServices` with commas between them. */
function checkBypass(sent: Json | undefined): string {
  const words = typeof sent === 'string' ? sent.split(',').map((word) => word.trim()) : [sent]
  const known = ['Logging', 'Metrics', 'AzureServices']
  return words
    .map((word) => withWord('networkAcls.bypass', word, words.length === 1 ? [...known, 'None'] : known))
    .join(', ')
}

function listOf(sent: JsonObject, name: string): readonly JsonObject[] {
  const list = member(sent, name) ?? []
  if (!Array.isArray(list)) throw invalidRules(name)
  const rules: readonly Json[] = list
  if (!rules.every(isJsonObject)) throw invalidRules(name)
  return rules
}

function invalidRules(what: string): ResourceFault {
  return refused(
    400,
    'InvalidValuesForRequestParameters',
    `Values for request parameters are invalid: networkAcls.${what}. For more information, see - https://aka.ms/storagenetworkruleset`,
    { target: 'networkAcls' },
  )
}
