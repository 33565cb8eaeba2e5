import { type Json, type JsonObject, isJsonObject, member } from '../../kernel/json.ts'
import { type ResourceFault, refused } from '../resources/faults.ts'

/** The word as Azure spells it. @throws ResourceFault `InvalidRequestPropertyValue` */
export function withWord(property: string, sent: Json | undefined, words: readonly string[]): string {
  const found = words.find((word) => typeof sent === 'string' && word.toLowerCase() === sent.toLowerCase())
  if (found === undefined) throw invalidValue(property, sent, words.join(', '))
  return found
}

/** @param wanted what it should have been: `true or false`, or the list of words */
export function invalidValue(property: string, sent: Json | undefined, wanted: string): ResourceFault {
  const value = sent === undefined || sent === null ? '' : JSON.stringify(sent).slice(0, 100)
  return refused(
    400,
    'InvalidRequestPropertyValue',
    `The value '${value.replaceAll('"', '')}' is not allowed for property ${property}. Allowed: ${wanted}. For more information, see - https://aka.ms/storageaccountcreate`,
    { target: property },
  )
}

/** Azure's own sentence for what is fixed at creation. */
export function fixedProperty(property: string): ResourceFault {
  return refused(
    400,
    'AccountPropertyCannotBeUpdated',
    `The property '${property}' was specified in the input, but it cannot be updated as it is read-only. For more information, see - https://aka.ms/storageaccountupdate`,
    { target: property },
  )
}

/** For a setting that would be believed and not kept. */
export function notCarriedOut(property: string): ResourceFault {
  return refused(
    400,
    'FeatureNotSupported',
    `This version of Strongroom does not carry out '${property}', so it cannot be turned on. Leave it out.`,
    { target: property },
  )
}

/** Undefined when it is not named. @throws ResourceFault for anything else */
export function sentBoolean(sent: JsonObject, name: string, path = name): boolean | undefined {
  const value = member(sent, name)
  if (value !== undefined && typeof value !== 'boolean') throw invalidValue(path, value, 'true or false')
  return value
}

/** Null when it is not named. Whoever sends a setting in a form that is none must not be left to believe in it. */
export function sentObject(sent: JsonObject, name: string, path = name): JsonObject | null {
  const value = member(sent, name)
  if (value === undefined) return null
  if (!isJsonObject(value)) throw invalidValue(path, value, 'an object')
  return value
}

/** Null when it is not named. */
export function sentText(sent: JsonObject, name: string, path = name): string | null {
  const value = member(sent, name)
  if (value === undefined) return null
  if (typeof value !== 'string') throw invalidValue(path, value, 'a string')
  return value
}

export function asObject(value: Json | undefined): JsonObject {
  return isJsonObject(value) ? value : {}
}
