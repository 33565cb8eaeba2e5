import { type Json, type JsonObject, isJsonObject, member } from '../../kernel/json.ts'
import { invalid } from './access-policy-entries.ts'
import { isIpRange } from '../../kernel/ip-range.ts'

const MAX_IP_RULES = 1000
const MAX_NETWORK_RULES = 200

export const openNetwork: JsonObject = {
  bypass: 'AzureServices',
  defaultAction: 'Allow',
  ipRules: [],
  virtualNetworkRules: [],
}

/**
 * The stored form of `networkAcls`. Rules for virtual networks are kept and admit nobody: there are none here.
 * @throws ResourceFault
 */
export function readNetworkAcls(sent: Json): JsonObject {
  if (!isJsonObject(sent)) throw invalid('networkAcls', 'it must be an object')
  return {
    bypass: oneOf('networkAcls.bypass', member(sent, 'bypass') ?? 'AzureServices', ['AzureServices', 'None']),
    defaultAction: oneOf('networkAcls.defaultAction', member(sent, 'defaultAction') ?? 'Allow', [
      'Allow',
      'Deny',
    ]),
    ipRules: rules(sent, 'ipRules', MAX_IP_RULES).map((rule) => {
      const value = member(rule, 'value')
      if (typeof value !== 'string' || !isIpRange(value)) {
        throw invalid('networkAcls.ipRules', 'each value must be an IPv4 address or a CIDR range')
      }
      return { value }
    }),
    virtualNetworkRules: rules(sent, 'virtualNetworkRules', MAX_NETWORK_RULES).map((rule) => {
      const id = member(rule, 'id')
      if (typeof id !== 'string')
        throw invalid('networkAcls.virtualNetworkRules', 'each rule must have an id')
      return { id }
    }),
  }
}

function rules(sent: JsonObject, name: string, max: number): readonly JsonObject[] {
  const list = member(sent, name) ?? []
  if (!Array.isArray(list) || list.length > max)
    throw invalid(`networkAcls.${name}`, `it must be a list of at most ${max}`)
  if (!list.every(isJsonObject)) throw invalid(`networkAcls.${name}`, 'each rule must be an object')
  return list
}

/** The word as Azure spells it. */
export function oneOf(property: string, sent: Json, words: readonly string[]): string {
  const found = words.find((word) => typeof sent === 'string' && word.toLowerCase() === sent.toLowerCase())
  if (found === undefined) throw invalid(property, `it must be ${words.join(' or ')}`)
  return found
}
