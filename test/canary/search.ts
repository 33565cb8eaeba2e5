import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'

/** What must not be found. */
export interface Secret {
  readonly name: string
  readonly bytes: Uint8Array
}

/** A secret that was found, where, and in which form. */
export interface Find {
  readonly name: string
  readonly where: string
  readonly form: string
}

interface Needle {
  readonly name: string
  readonly form: string
  readonly bytes: Buffer
}

const MIN_BYTES = 8

/** Looks for many secrets at once: raw, in hexadecimal, in base64 and base64url at each of their three alignments. */
export interface Search {
  /** @param where named in what is found */
  inBytes(where: string, haystack: Uint8Array): readonly Find[]
  /** Every file below `folder`, whatever it is. */
  inFolder(folder: string): Promise<readonly Find[]>
}

export function searchFor(secrets: readonly Secret[]): Search {
  const byStart = new Map<number, Needle[]>()
  // One bit for the first bytes of each needle: nearly every place is passed over by this alone.
  const starts = new Uint8Array(1 << 21)
  for (const needle of secrets.flatMap(needlesOf)) {
    const start = needle.bytes.readUInt32LE(0)
    byStart.set(start, [...(byStart.get(start) ?? []), needle])
    starts[(start & 0xffffff) >> 3]! |= 1 << (start & 7)
  }
  const inOnePiece = (where: string, haystack: Uint8Array): readonly Find[] => {
    const found = new Map<string, Find>()
    const bytes = Buffer.from(haystack.buffer, haystack.byteOffset, haystack.byteLength)
    for (let at = 0; at + MIN_BYTES <= bytes.length; at++) {
      const low = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16)
      if ((starts[low >> 3]! & (1 << (low & 7))) === 0) continue
      for (const { name, form, bytes: wanted } of byStart.get(bytes.readUInt32LE(at)) ?? []) {
        if (wanted.equals(bytes.subarray(at, at + wanted.length))) {
          found.set(`${name}\n${form}`, { name, where, form })
        }
      }
    }
    return [...found.values()]
  }
  const inBytes = (where: string, haystack: Uint8Array): readonly Find[] => {
    const found = inOnePiece(where, haystack)
    // Base64 in lines, as in PEM, is broken by them.
    const joined = inOnePiece(
      where,
      haystack.filter((byte) => byte !== 10 && byte !== 13),
    )
    return [
      ...found,
      ...joined.filter(({ name, form }) => !found.some((one) => one.name === name && one.form === form)),
    ]
  }
  const inFolder = async (folder: string): Promise<readonly Find[]> => {
    const entries = await readdir(folder, { recursive: true, withFileTypes: true })
    const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
    const found: Find[] = []
    for (const file of files) {
      const where = file.slice(folder.length + 1)
      // A name is on the disk as well.
      found.push(...inBytes(where, await readFile(file)), ...inBytes(`name of ${where}`, Buffer.from(where)))
    }
    return found
  }
  return { inBytes, inFolder }
}

function needlesOf({ name, bytes: given }: Secret): readonly Needle[] {
  const bytes = Buffer.from(given)
  if (bytes.length < MIN_BYTES) throw new RangeError(`${name} is too short to be told from chance`)
  const hexadecimal = bytes.toString('hex')
  return [
    { name, form: 'raw', bytes },
    { name, form: 'hex', bytes: Buffer.from(hexadecimal) },
    { name, form: 'HEX', bytes: Buffer.from(hexadecimal.toUpperCase()) },
    ...[0, 1, 2].flatMap((shift) => [
      { name, form: `base64 at ${shift}`, bytes: Buffer.from(encodedAt(bytes, shift, 'base64')) },
      { name, form: `base64url at ${shift}`, bytes: Buffer.from(encodedAt(bytes, shift, 'base64url')) },
    ]),
  ]
}

/** As it looks within a longer encoding that has `shift` bytes before it: characters that others share are left out. */
function encodedAt(bytes: Uint8Array, shift: number, encoding: 'base64' | 'base64url'): string {
  const whole = Buffer.concat([Buffer.alloc(shift), bytes])
  const characters = Math.floor((whole.length * 8) / 6)
  return whole.toString(encoding).slice([0, 2, 3][shift], characters)
}
