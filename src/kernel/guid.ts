/** A GUID in lower case with dashes. */
export type Guid = string & { readonly __brand: 'Guid' }

const shape = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** @returns null when `text` is not a GUID. */
export function parseGuid(text: string): Guid | null {
  return shape.test(text) ? (text.toLowerCase() as Guid) : null
}
