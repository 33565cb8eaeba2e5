import { type Json, type JsonObject, isJsonObject, member } from '../../kernel/json.ts'
import { invalidValue, sentObject } from './account-words.ts'
import { type CorsRule, corsFlaw } from './cors.ts'

/** `cors` of `blobServices/default`; null: it is silent on it. @throws ResourceFault */
export function sentCors(sent: JsonObject): readonly CorsRule[] | null {
  const cors = sentObject(sent, 'cors')
  if (cors === null) return null
  const list = member(cors, 'corsRules') ?? []
  if (!Array.isArray(list)) throw invalidValue('cors.corsRules', list, 'a list of rules')
  const rules = (list as readonly Json[]).map(readRule)
  const flaw = corsFlaw(rules)
  if (flaw !== null)
    throw invalidValue(`cors.corsRules.${flaw.name}`, flaw.value, 'what the rules of CORS take')
  return rules
}

function readRule(sent: Json): CorsRule {
  if (!isJsonObject(sent)) throw invalidValue('cors.corsRules', sent, 'a list of rules')
  const words = (name: string) => {
    const list = member(sent, name) ?? []
    if (!Array.isArray(list) || !list.every((word) => typeof word === 'string'))
      throw invalidValue(`cors.corsRules.${name}`, list, 'a list of words')
    return list as readonly string[]
  }
  const age = member(sent, 'maxAgeInSeconds')
  if (typeof age !== 'number') throw invalidValue('cors.corsRules.maxAgeInSeconds', age, 'a whole number')
  return {
    allowedOrigins: words('allowedOrigins'),
    allowedMethods: words('allowedMethods').map((method) => method.toUpperCase()),
    allowedHeaders: words('allowedHeaders'),
    exposedHeaders: words('exposedHeaders'),
    maxAgeSeconds: age,
  }
}

export function presentCors(rules: readonly CorsRule[]): JsonObject {
  return {
    corsRules: rules.map(({ maxAgeSeconds, ...rule }) => ({ ...rule, maxAgeInSeconds: maxAgeSeconds })),
  }
}
