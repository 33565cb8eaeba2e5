import { CustomerProvidedKey } from '../../crypto/customer-provided-key.ts'

export type { CustomerProvidedKey }

/** @returns null when `key` is not base64 of 32 bytes, or `digest` not base64 of its SHA-256 */
export function parseCustomerProvidedKey(key: string, digest: string): CustomerProvidedKey | null {
  return CustomerProvidedKey.parse(key, digest)
}
