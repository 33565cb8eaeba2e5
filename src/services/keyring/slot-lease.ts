import { utf8 } from '../../crypto/encoding.ts'
import type { ExtentKey } from '../../crypto/extent-key.ts'
import type { ExtentBinding } from '../../crypto/root-key.ts'
import type { Json } from '../../kernel/json.ts'
import type { KeyLease } from './keyring.ts'
import type { RootKeySlot } from './root-key-slot.ts'

/** A lease is the right to look into the slot: it holds no key itself, so it outlives renewals and changes of key. */
export class SlotLease implements KeyLease {
  readonly rootKeyId: string
  readonly #slot: RootKeySlot

  /** @throws Outage when the slot holds no live lease */
  constructor(slot: RootKeySlot) {
    this.#slot = slot
    this.rootKeyId = slot.keys().rootKey.keyId
  }

  check(): Promise<void> | undefined {
    return this.#slot.use() === null ? this.#slot.renew() : undefined
  }

  sealRecord(context: string, plain: Uint8Array): Buffer {
    return this.#slot.keys().recordKey.seal(context, plain)
  }

  openRecord(context: string, sealed: Uint8Array): Buffer {
    return this.#slot.keys().recordKey.open(context, sealed)
  }

  openJson(context: string, sealed: Uint8Array): Json {
    return this.#slot.keys().recordKey.openJson(context, sealed)
  }

  indexOf(context: string, value: string): Buffer {
    return this.#slot.keys().indexKey.mac(context, utf8(value))
  }

  wrapExtentKey(extent: { readonly extentId: string; readonly length: number }, key: ExtentKey): Buffer {
    return this.#slot.keys().rootKey.wrapExtentKey(this.#bindingOf(extent), key)
  }

  unwrapExtentKey(
    extent: { readonly extentId: string; readonly length: number },
    wrapped: Uint8Array,
  ): ExtentKey {
    return this.#slot.keys().rootKey.unwrapExtentKey(this.#bindingOf(extent), wrapped)
  }

  #bindingOf({ extentId, length }: { readonly extentId: string; readonly length: number }): ExtentBinding {
    return { extentId, length, resourceId: this.#slot.resource.uid, rootKeyId: this.rootKeyId }
  }
}
