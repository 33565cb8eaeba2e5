import { existsSync, readFileSync } from 'node:fs'

/** A vector file of this folder. */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the file has the type that its reader names
export function ownVectors<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(name, import.meta.url), 'utf8')) as T
}

const wycheproof = new URL('../../../shared/vectors/wycheproof/', import.meta.url)
export const hasWycheproof = existsSync(wycheproof)
export const whyNoWycheproof = 'skipped: the Wycheproof vectors are not at ../shared/vectors/wycheproof'

/** C2SP Wycheproof, which is not part of the repository (6 MB). */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- likewise
export function wycheproofVectors<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(name, wycheproof), 'utf8')) as T
}

export function bytes(hex: string): Buffer {
  return Buffer.from(hex, 'hex')
}

/** The bytes that strongroom-1.py calls pattern(n, seed). */
export function pattern(sha256: (text: Buffer) => Buffer, n: number, seed: string): Buffer {
  const blocks = Array.from({ length: Math.floor(n / 32) + 1 }, (_, i) => sha256(Buffer.from(`${seed} ${i}`)))
  return Buffer.concat(blocks).subarray(0, n)
}
