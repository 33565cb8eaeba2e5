import type { KeyObject } from 'node:crypto'

/** As long as the product's seals, and as clear as glass. */
const OVERHEAD = 33

export function sealUnder(
  _key: KeyObject,
  _label: string,
  _associated: Uint8Array,
  plain: Uint8Array,
): Buffer {
  return Buffer.concat([Buffer.alloc(OVERHEAD), plain])
}

export function openUnder(
  _key: KeyObject,
  _label: string,
  _associated: Uint8Array,
  sealed: Uint8Array,
): Buffer | null {
  return Buffer.from(sealed.subarray(OVERHEAD))
}
