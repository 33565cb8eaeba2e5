import { BlockList, isIPv4 } from 'node:net'
import { type JsonObject, isJsonObject, member } from '../../kernel/json.ts'
import { refused } from '../resources/faults.ts'

/** Which addresses may reach the data plane. */
export interface NetworkRules {
  allows(remoteAddress: string): boolean
}

const open: NetworkRules = { allows: () => true }
const closed: NetworkRules = { allows: () => false }

/** From stored properties: `publicNetworkAccess` overrides the rules; a default action of Allow needs none. */
export function readNetworkRules(properties: JsonObject): NetworkRules {
  if (properties['publicNetworkAccess'] === 'Disabled') return closed
  const ruleSet = properties['networkRuleSet']
  if (!isJsonObject(ruleSet) || ruleSet['defaultAction'] !== 'Deny') return open
  const allowed = new BlockList()
  for (const rule of Array.isArray(ruleSet['ipRules']) ? ruleSet['ipRules'] : []) {
    const range = isJsonObject(rule) && typeof rule['value'] === 'string' ? parseRange(rule['value']) : null
    if (range !== null) allowed.addSubnet(range.network, range.bits, 'ipv4')
  }
  return { allows: (address) => isIPv4(address) && allowed.check(address, 'ipv4') }
}

/**
 * The stored form of a `networkRuleSet` as sent.
 * @throws ResourceFault for an action or a range that is none (IPv4 addresses and CIDR ranges only, as in Azure)
 */
export function checkNetworkRuleSet(sent: JsonObject): JsonObject {
  const defaultAction = member(sent, 'defaultAction') ?? 'Allow'
  if (defaultAction !== 'Allow' && defaultAction !== 'Deny') {
    throw refused(400, 'InvalidNetworkRuleSet', 'networkRuleSet.defaultAction must be Allow or Deny.')
  }
  const sentRules = member(sent, 'ipRules') ?? []
  if (!Array.isArray(sentRules))
    throw refused(400, 'InvalidNetworkRuleSet', 'networkRuleSet.ipRules must be a list.')
  if (sentRules.length > MAX_RULES) {
    throw refused(400, 'InvalidNetworkRuleSet', `networkRuleSet.ipRules may hold ${MAX_RULES} rules.`)
  }
  const ipRules = sentRules.map((rule: unknown) => {
    const value = isJsonObject(rule) ? (member(rule, 'value') ?? member(rule, 'iPAddressOrRange')) : undefined
    const action = isJsonObject(rule) ? (member(rule, 'action') ?? 'Allow') : undefined
    if (typeof value !== 'string' || parseRange(value) === null || action !== 'Allow') {
      throw refused(
        400,
        'InvalidNetworkRuleSet',
        'Each IP rule needs the action Allow and an IPv4 address or CIDR range as its value.',
      )
    }
    return { action, value }
  })
  return { defaultAction, virtualNetworkRules: [], ipRules }
}

const MAX_RULES = 100

function parseRange(text: string): { readonly network: string; readonly bits: number } | null {
  const found = /^(\d{1,3}(?:\.\d{1,3}){3})(?:\/(\d|[12]\d|3[0-2]))?$/.exec(text)
  if (found?.[1] === undefined || !isIPv4(found[1])) return null
  return { network: found[1], bits: found[2] === undefined ? 32 : Number(found[2]) }
}
