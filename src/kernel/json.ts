/** A value as JSON (RFC 8259) has it. */
export type Json = string | number | boolean | null | readonly Json[] | JsonObject
export interface JsonObject {
  readonly [name: string]: Json
}

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The member of that name in any letter case: Azure reads names case-insensitively. Undefined when absent or null. */
export function member(object: JsonObject, name: string): Json | undefined {
  if (Object.hasOwn(object, name)) return object[name] ?? undefined
  const wanted = name.toLowerCase()
  for (const [key, value] of Object.entries(object)) {
    if (key.toLowerCase() === wanted) return value ?? undefined
  }
  return undefined
}
