import type { RecordKey } from '../../../crypto/record-key.ts'
import { isJsonObject, type JsonObject } from '../../../kernel/json.ts'

/** A JSON document as a column holds it, bound to `context`: the table and the primary key of its row. */
export function sealJson(key: RecordKey, context: string, document: JsonObject): Buffer {
  return key.seal(context, Buffer.from(JSON.stringify(document), 'utf8'))
}

/** @throws SealFault `seal-broken` for a document that was changed, or moved here from another row */
export function openJson(key: RecordKey, context: string, sealed: Uint8Array): JsonObject {
  const document: unknown = JSON.parse(key.open(context, sealed).toString('utf8'))
  if (!isJsonObject(document)) throw new Error(`the document of ${context} is no JSON object`)
  return document
}
