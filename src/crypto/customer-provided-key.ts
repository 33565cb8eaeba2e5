import { inspect } from 'node:util'
import { sha256 } from './digest.ts'
import type { ExtentKey } from './extent-key.ts'
import { RecordKey } from './record-key.ts'

const KEY_BYTES = 32

/** What a customer-provided key takes the place of: the right to use a root key, for as long as its lease lives. */
interface Lease {
  check(): Promise<void> | undefined
}

/**
 * An AES-256 key that a client sends with a request and that is kept nowhere (`x-ms-encryption-key`). What it seals is bound
 * to its place as under any other key; a salt for each record and extent makes its use any number of times safe.
 */
export class CustomerProvidedKey {
  /** Base64. */
  readonly sha256: string
  readonly #key: RecordKey

  private constructor(raw: Buffer, digest: string) {
    this.sha256 = digest
    this.#key = RecordKey.fromBytes(raw)
  }

  /** @returns null when `key` is not base64 of 32 bytes, or `digest` not base64 of its SHA-256 */
  static parse(key: string, digest: string): CustomerProvidedKey | null {
    const raw = Buffer.from(key, 'base64')
    if (raw.length !== KEY_BYTES || raw.toString('base64') !== key) return null
    return sha256(raw).toString('base64') === digest ? new CustomerProvidedKey(raw, digest) : null
  }

  /** The same operations that a lease has, as long as that lease lives. */
  under(lease: Lease) {
    const key = this.#key
    return {
      check: () => lease.check(),
      sealRecord: (context: string, plain: Uint8Array): Buffer => key.seal(context, plain),
      openRecord: (context: string, sealed: Uint8Array): Buffer => key.open(context, sealed),
      wrapExtentKey: (extent: ExtentPlace, extentKey: ExtentKey): Buffer =>
        key.wrap(contextOf(extent), extentKey),
      unwrapExtentKey: (extent: ExtentPlace, wrapped: Uint8Array): ExtentKey =>
        key.unwrapExtentKey(contextOf(extent), wrapped),
    }
  }

  toJSON(): string {
    return '[CustomerProvidedKey]'
  }

  [inspect.custom](): string {
    return '[CustomerProvidedKey]'
  }
}

interface ExtentPlace {
  readonly extentId: string
  readonly length: number
}

function contextOf({ extentId, length }: ExtentPlace): string {
  return `customer-provided key extent\n${extentId}\n${length}`
}
