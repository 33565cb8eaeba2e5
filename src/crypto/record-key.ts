import type { KeyObject } from 'node:crypto'
import { inspect } from 'node:util'
import { utf8 } from './encoding.ts'
import { ExtentKey } from './extent-key.ts'
import { SealFault } from './faults.ts'
import { hkdf } from './hkdf.ts'
import {
  KEY_BYTES,
  type Wrappable,
  freshSecretKey,
  fromRaw,
  idOfKey,
  lend,
  lendRaw,
  secretKeyFrom,
} from './key-material.ts'
import { MacKey } from './mac-key.ts'
import { type SealLabel, openUnder, sealUnder } from './seal.ts'

/**
 * An AES-256 key that seals small records, each under a key and nonce derived for it alone (`seal.ts`).
 *
 * `context` says what a record is and where it belongs (kind, owner, column), is bound into the tag and comes from code
 * and ids, never from a client. A record opens under the same context only.
 */
export class RecordKey implements Wrappable {
  readonly #key: KeyObject

  private constructor(key: KeyObject) {
    this.#key = key
  }

  static generate(): RecordKey {
    return new RecordKey(freshSecretKey())
  }

  /** Takes 32 bytes and overwrites them. */
  static fromBytes(raw: Buffer): RecordKey {
    return new RecordKey(secretKeyFrom(raw))
  }

  static [fromRaw](raw: Buffer): RecordKey {
    return RecordKey.fromBytes(raw)
  }

  /** A name that tells nothing of the key: 32 hexadecimal digits. */
  get keyId(): string {
    return idOfKey(this.#key, 'strongroom record key id')
  }

  /** 33 bytes longer than `plain`; never twice the same. */
  seal(context: string, plain: Uint8Array): Buffer {
    return sealUnder(this.#key, 'record', utf8(context), plain)
  }

  /** @returns memory of its own, which the caller may overwrite. @throws SealFault `seal-broken` */
  open(context: string, sealed: Uint8Array): Buffer {
    return this.#open('record', context, sealed)
  }

  /**
   * A key for keyed hashes that is always the same for this key and tells nothing of it: HKDF-SHA256 (RFC 5869) without a salt,
   * under a label of its own, so that it has nothing to do with what seals derive, nor with `keyId`.
   */
  deriveMacKey(): MacKey {
    const label = Buffer.from('strongroom record key mac 1')
    return MacKey.fromBytes(hkdf('sha256', this.#key, Buffer.alloc(0), label, KEY_BYTES))
  }

  /** A key under this key. Opens only as the same kind of key under the same context, and never as a record. */
  wrap(context: string, key: RecordKey | ExtentKey | MacKey): Buffer {
    return key[lendRaw]((raw) => sealUnder(this.#key, labelOf(key), utf8(context), raw))
  }

  /** @throws SealFault `seal-broken` */
  unwrapRecordKey(context: string, wrapped: Uint8Array): RecordKey {
    return RecordKey[fromRaw](this.#open('record-key', context, wrapped))
  }

  /** @throws SealFault `seal-broken` */
  unwrapMacKey(context: string, wrapped: Uint8Array): MacKey {
    return MacKey[fromRaw](this.#open('mac-key', context, wrapped))
  }

  /** The key opens its extent and seals no other. @throws SealFault `seal-broken` */
  unwrapExtentKey(context: string, wrapped: Uint8Array): ExtentKey {
    return ExtentKey[fromRaw](this.#open('extent-key', context, wrapped))
  }

  #open(label: SealLabel, context: string, sealed: Uint8Array): Buffer {
    const plain = openUnder(this.#key, label, utf8(context), sealed)
    if (plain === null) throw new SealFault('seal-broken', { context })
    return plain
  }

  [lendRaw]<T>(use: (raw: Buffer) => T): T {
    return lend(this.#key, use)
  }

  toJSON(): string {
    return '[RecordKey]'
  }

  [inspect.custom](): string {
    return '[RecordKey]'
  }
}

function labelOf(key: RecordKey | ExtentKey | MacKey): SealLabel {
  if (key instanceof RecordKey) return 'record-key'
  return key instanceof MacKey ? 'mac-key' : 'extent-key'
}
