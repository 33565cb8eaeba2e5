import { asBuffer } from '../kernel/bytes.ts'
import type { RecordKey } from './record-key.ts'

/** Of what is remembered: documents, not bodies. */
const MAX_SEALED_BYTES = 1024

/**
 * A record key that remembers what it opened lately: deriving a record's key and checking its tag takes ten times as long as
 * finding it. What is remembered is plaintext: it must live no longer than the key may.
 */
export class RememberingRecordKey {
  readonly #key: Pick<RecordKey, 'seal' | 'open'>
  readonly #max: number
  /** By context and all of the sealed bytes: one bit of difference and the record is opened, or refused, anew. */
  readonly #opened = new Map<string, Buffer>()

  /** @param max how many records; those not used longest are forgotten */
  constructor(key: Pick<RecordKey, 'seal' | 'open'>, max: number) {
    this.#key = key
    this.#max = max
  }

  seal(context: string, plain: Uint8Array): Buffer {
    return this.#key.seal(context, plain)
  }

  /** As `RecordKey.open`. @throws SealFault `seal-broken` */
  open(context: string, sealed: Uint8Array): Buffer {
    if (sealed.length > MAX_SEALED_BYTES) return this.#key.open(context, sealed)
    // The length first: no two pairs have one name.
    const name = `${sealed.length} ${asBuffer(sealed).toString('latin1')}${context}`
    const plain = this.#opened.get(name) ?? this.#key.open(context, sealed)
    this.#opened.delete(name)
    this.#opened.set(name, plain)
    const oldest = this.#opened.size > this.#max ? this.#opened.keys().next() : null
    if (oldest?.done === false) this.#opened.delete(oldest.value)
    return Buffer.from(plain)
  }
}
