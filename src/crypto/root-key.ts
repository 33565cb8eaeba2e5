import type { KeyObject } from 'node:crypto'
import { inspect } from 'node:util'
import { sha256 } from './digest.ts'
import { prefixed, uint64, utf8 } from './encoding.ts'
import { ExtentKey } from './extent-key.ts'
import { SealFault } from './faults.ts'
import { KEY_BYTES, freshSecretKey, fromRaw, idOfKey, lendRaw, secretKeyFrom } from './key-material.ts'
import { RecordKey } from './record-key.ts'
import { type SealLabel, openUnder, sealUnder } from './seal.ts'

const PAYLOAD_VERSION = 1
/** version ‖ root key[32] ‖ SHA-256(resource id, purpose)[32] ‖ uint64be generation: OAEP-256 under RSA-2048 takes 190. */
const PAYLOAD_BYTES = 1 + KEY_BYTES + 32 + 8

/** What a wrapping of a root key is good for; it goes into what is wrapped. */
export interface RootKeyBinding {
  readonly resourceId: string
  readonly purpose: string
  /** Counts the wrappings of this root key; an older one is refused. */
  readonly generation: number
}

/** What an extent key is good for; it goes into the tag of its wrapping. */
export interface ExtentBinding {
  readonly extentId: string
  /** Unsealed bytes of the extent. */
  readonly length: number
  /** The account's or registry's uid. */
  readonly resourceId: string
  readonly rootKeyId: string
}

/**
 * The AES-256 root key of one account, registry or encryption scope. It seals nothing but keys, and is itself stored only
 * wrapped: under a customer's key, or under a service wrapping key (a `RecordKey` over the same payload).
 */
export class RootKey {
  readonly #keyId: string
  #key: KeyObject | null

  private constructor(key: KeyObject) {
    this.#key = key
    this.#keyId = idOfKey(key, 'strongroom root key id')
  }

  static generate(): RootKey {
    return new RootKey(freshSecretKey())
  }

  /**
   * Overwrites `payload`, whatever happens.
   * The binding is compared after unwrapping: who swaps wrappings, or replays an older one, gets a refusal, not a key.
   * @throws SealFault `seal-broken` when the payload is not one, or is bound to something else
   */
  static fromPayload(payload: Buffer, binding: RootKeyBinding): RootKey {
    try {
      const bound = boundTo(binding)
      const isOurs =
        payload.length === PAYLOAD_BYTES &&
        payload[0] === PAYLOAD_VERSION &&
        payload.subarray(1 + KEY_BYTES).equals(bound)
      if (!isOurs) throw new SealFault('seal-broken', { context: `root key of ${binding.resourceId}` })
      return new RootKey(secretKeyFrom(payload.subarray(1, 1 + KEY_BYTES)))
    } finally {
      payload.fill(0)
    }
  }

  /** Names the key and tells nothing of it: 32 hexadecimal digits. */
  get keyId(): string {
    return this.#keyId
  }

  /** Lends what a customer's key wraps; it is overwritten when `use` is done, so `use` must not keep it. */
  async sealPayload<T>(binding: RootKeyBinding, use: (payload: Uint8Array) => Promise<T>): Promise<T> {
    const bound = boundTo(binding)
    const payload = Buffer.alloc(PAYLOAD_BYTES)
    try {
      payload[0] = PAYLOAD_VERSION
      const raw = this.#held().export()
      raw.copy(payload, 1)
      raw.fill(0)
      bound.copy(payload, 1 + KEY_BYTES)
      return await use(payload)
    } finally {
      payload.fill(0)
    }
  }

  wrapRecordKey(context: string, key: RecordKey): Buffer {
    return key[lendRaw]((raw) => sealUnder(this.#held(), 'record-key', utf8(context), raw))
  }

  /** @throws SealFault `seal-broken` */
  unwrapRecordKey(context: string, wrapped: Uint8Array): RecordKey {
    return RecordKey[fromRaw](this.#open('record-key', utf8(context), wrapped, context))
  }

  wrapExtentKey(binding: ExtentBinding, key: ExtentKey): Buffer {
    return key[lendRaw]((raw) => sealUnder(this.#held(), 'extent-key', extentContext(binding), raw))
  }

  /** The key opens its extent and seals no other. @throws SealFault `seal-broken` */
  unwrapExtentKey(binding: ExtentBinding, wrapped: Uint8Array): ExtentKey {
    return ExtentKey[fromRaw](this.#open('extent-key', extentContext(binding), wrapped, binding.extentId))
  }

  /** Drops the key; every later use throws SealFault `key-destroyed`. The memory goes when the collector frees the KeyObject. */
  destroy(): void {
    this.#key = null
  }

  #open(label: SealLabel, associated: Uint8Array, wrapped: Uint8Array, context: string): Buffer {
    const plain = openUnder(this.#held(), label, associated, wrapped)
    if (plain === null) throw new SealFault('seal-broken', { context })
    return plain
  }

  #held(): KeyObject {
    if (this.#key === null) throw new SealFault('key-destroyed', { keyId: this.#keyId })
    return this.#key
  }

  toJSON(): string {
    return '[RootKey]'
  }

  [inspect.custom](): string {
    return '[RootKey]'
  }
}

function boundTo({ resourceId, purpose, generation }: RootKeyBinding): Buffer {
  return Buffer.concat([sha256(prefixed(resourceId), prefixed(purpose)), uint64(generation)])
}

function extentContext({ extentId, length, resourceId, rootKeyId }: ExtentBinding): Buffer {
  return Buffer.concat([prefixed(extentId), uint64(length), prefixed(resourceId), prefixed(rootKeyId)])
}
