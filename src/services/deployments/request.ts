import { isJsonObject, type Json, type JsonObject, member } from '../../kernel/json.ts'
import { invalidContent } from '../resources/envelope.ts'
import { refused } from '../resources/faults.ts'
import { type Template, readTemplate } from './template.ts'
import { parseTemplateText } from './template-text.ts'

export interface DeploymentRequest {
  readonly template: Template
  /** As sent: `{"name": {"value": …}}`. */
  readonly parameters: JsonObject
  readonly mode: 'Incremental'
}

/** A deployment's body. @throws ResourceFault `InvalidRequestContent`, `InvalidTemplate`, `NotSupported` */
export function readRequest(raw: Uint8Array): DeploymentRequest {
  const text = parseTemplateText(decode(raw))
  const properties = isJsonObject(text.value) ? member(text.value, 'properties') : undefined
  if (!isJsonObject(properties)) throw invalidContent(`the body has no 'properties'`)
  for (const link of ['templateLink', 'parametersLink']) {
    if (member(properties, link) === undefined) continue
    throw refused(
      400,
      'NotSupported',
      `'${link}' is not supported: this service fetches nothing. Send the content in the request.`,
    )
  }
  return {
    template: readTemplate(member(properties, 'template'), text),
    parameters: readParameters(member(properties, 'parameters')),
    mode: readMode(member(properties, 'mode')),
  }
}

function readParameters(value: Json | undefined): JsonObject {
  if (value === undefined) return {}
  if (isJsonObject(value)) return value
  throw invalidContent(`'parameters' must be an object`)
}

function readMode(value: Json | undefined): 'Incremental' {
  if (value === undefined) return 'Incremental'
  const mode = typeof value === 'string' ? value.toLowerCase() : ''
  if (mode === 'incremental') return 'Incremental'
  if (mode === 'complete') throw refused(400, 'NotSupported', `The mode 'Complete' is not supported.`)
  throw invalidContent(`'mode' must be 'Incremental'`)
}

function decode(raw: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(raw)
  } catch {
    // The decoder says only that it could not; the body is not repeated.
    throw invalidContent('the body is not UTF-8')
  }
}
