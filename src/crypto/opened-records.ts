import { asBuffer } from '../kernel/bytes.ts'
import type { Json } from '../kernel/json.ts'
import type { RecordKey } from './record-key.ts'

/** Of what is remembered: documents, not bodies. */
const MAX_SEALED_BYTES = 1024

/** A record and what it opened as. */
interface Opened {
  readonly sealed: Buffer
  readonly plain: Buffer
  /** Of the plaintext, once somebody asked for it. */
  json: Json | undefined
}

/**
 * A record key that remembers what it opened lately: deriving a record's key and checking its tag takes ten times as long as
 * finding it. What is remembered is plaintext: it must live no longer than the key may.
 */
export class RememberingRecordKey {
  readonly #key: Pick<RecordKey, 'seal' | 'open'>
  readonly #max: number
  /** By context; in the order of last use. */
  readonly #opened = new Map<string, Opened>()

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
    return Buffer.from(this.#remembered(context, sealed).plain)
  }

  /** What a record holds as JSON, the same object to all who ask: not to be changed. @throws SealFault `seal-broken` */
  openJson(context: string, sealed: Uint8Array): Json {
    if (sealed.length > MAX_SEALED_BYTES) return parse(this.#key.open(context, sealed))
    const opened = this.#remembered(context, sealed)
    return (opened.json ??= parse(opened.plain))
  }

  #remembered(context: string, sealed: Uint8Array): Opened {
    const known = this.#opened.get(context)
    // One bit of difference and the record is opened, or refused, anew.
    const opened = known?.sealed.equals(sealed) === true ? known : this.#openAnew(context, sealed)
    this.#opened.delete(context)
    this.#opened.set(context, opened)
    const oldest = this.#opened.size > this.#max ? this.#opened.keys().next() : null
    if (oldest?.done === false) this.#opened.delete(oldest.value)
    return opened
  }

  #openAnew(context: string, sealed: Uint8Array): Opened {
    return { sealed: Buffer.from(sealed), plain: this.#key.open(context, sealed), json: undefined }
  }
}

function parse(plain: Uint8Array): Json {
  return JSON.parse(asBuffer(plain).toString()) as Json
}
