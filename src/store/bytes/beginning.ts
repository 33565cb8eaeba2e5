import { type Bytes, asBuffer } from '../../kernel/bytes.ts'

/** A body that may be short. */
export type Beginning =
  /** All of it. */
  | { readonly whole: Buffer }
  /** The same bytes, from the first on. */
  | { readonly longer: Bytes }

/** Reads on until the body ends, or is longer than `maxBytes`. */
export async function beginningOf(body: Bytes, maxBytes: number): Promise<Beginning> {
  const chunks = body[Symbol.asyncIterator]()
  const taken: Uint8Array[] = []
  let length = 0
  while (length <= maxBytes) {
    const next = await chunks.next()
    if (next.done === true) return { whole: joined(taken) }
    taken.push(next.value)
    length += next.value.length
  }
  return { longer: following(taken, chunks) }
}

function joined(chunks: readonly Uint8Array[]): Buffer {
  const [only] = chunks
  return chunks.length === 1 && only !== undefined ? asBuffer(only) : Buffer.concat(chunks)
}

function following(taken: Uint8Array[], rest: AsyncIterator<Uint8Array>): Bytes {
  const chunks: AsyncIterator<Uint8Array> = {
    next() {
      const value = taken.shift()
      return value === undefined ? rest.next() : Promise.resolve({ done: false, value })
    },
    return: async () => (await rest.return?.()) ?? { done: true, value: undefined },
  }
  return { [Symbol.asyncIterator]: () => chunks }
}
