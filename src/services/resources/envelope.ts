import { isJsonObject, type Json, type JsonObject, member } from '../../kernel/json.ts'
import { refused } from './faults.ts'

const MAX_TAGS = 50
const MAX_TAG_NAME = 512
const MAX_TAG_VALUE = 256
// eslint-disable-next-line no-control-regex -- what Azure reserves in tag names
const reserved = /[<>%&\\?/\u0000-\u001f]/

/** Tags as sent; null when the body names none. https://learn.microsoft.com/azure/azure-resource-manager/management/tag-resources */
export function readTags(body: JsonObject): Readonly<Record<string, string>> | null {
  const sent = member(body, 'tags')
  if (sent === undefined) return null
  if (!isJsonObject(sent)) throw invalidContent(`'tags' must be an object.`)
  const entries = Object.entries(sent)
  if (entries.length > MAX_TAGS) {
    throw refused(
      400,
      'TooManyTags',
      `There are ${entries.length} tags; a resource may have ${MAX_TAGS} at most.`,
    )
  }
  const names = new Set<string>()
  for (const [name, value] of entries) {
    checkTag(name, value)
    names.add(name.toLowerCase())
  }
  if (names.size !== entries.length) {
    throw refused(
      400,
      'DuplicateTagNames',
      'Tag names are compared in any letter case; two of them are equal.',
    )
  }
  return sent as Readonly<Record<string, string>>
}

function checkTag(name: string, value: Json): void {
  if (name === '' || name.length > MAX_TAG_NAME) {
    throw refused(400, 'InvalidTagNameLength', `A tag name has 1 to ${MAX_TAG_NAME} characters.`)
  }
  if (reserved.test(name)) {
    throw refused(
      400,
      'InvalidTagNameCharacters',
      `The tag name '${name}' has reserved characters '<,>,%,&,\\,?,/' or control characters.`,
    )
  }
  if (typeof value !== 'string') throw invalidContent(`The value of the tag '${name}' must be a string.`)
  if (value.length > MAX_TAG_VALUE) {
    throw refused(400, 'InvalidTagValueLength', `A tag value has at most ${MAX_TAG_VALUE} characters.`)
  }
}

/** `East US` and `eastus` are one location. @returns null when the body names none */
export function readLocation(body: JsonObject, what: string): string | null {
  const sent = member(body, 'location')
  if (sent === undefined) return null
  const location = typeof sent === 'string' ? sent.replaceAll(' ', '').toLowerCase() : ''
  if (!/^[a-z0-9]{1,64}$/.test(location)) {
    throw refused(
      400,
      'LocationNotAvailableForResourceType',
      `The provided location '${typeof sent === 'string' ? sent : ''}' is not available for resource type '${what}'.`,
    )
  }
  return location
}

/** @returns null when the body does not name that member */
export function readObject(body: JsonObject, name: string): JsonObject | null {
  const sent = member(body, name)
  if (sent === undefined) return null
  if (!isJsonObject(sent)) throw invalidContent(`'${name}' must be an object.`)
  return sent
}

/** @returns null when the body does not name that member */
export function readString(body: JsonObject, name: string): string | null {
  const sent = member(body, name)
  if (sent === undefined) return null
  if (typeof sent !== 'string') throw invalidContent(`'${name}' must be a string.`)
  return sent
}

const MAX_DEPTH = 64

/** A body that must be an object, no deeper than can be written again. */
export function readBody(body: Json | undefined): JsonObject {
  if (!isJsonObject(body)) throw invalidContent('The request needs a JSON object as its body.')
  if (isDeeper(body, MAX_DEPTH)) throw invalidContent(`The body is nested more than ${MAX_DEPTH} deep.`)
  return body
}

export function invalidContent(reason: string) {
  return refused(
    400,
    'InvalidRequestContent',
    `The request content was invalid and could not be deserialized: '${reason}'`,
  )
}

function isDeeper(value: Json, levels: number): boolean {
  if (typeof value !== 'object' || value === null) return false
  return levels === 0 || Object.values(value).some((part: Json) => isDeeper(part, levels - 1))
}
