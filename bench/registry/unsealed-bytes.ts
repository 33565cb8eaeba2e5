import type { ByteStore } from '../../src/store/bytes/byte-store.ts'
import type { SealedBytes, SealedWriteOptions } from '../../src/store/bytes/sealed.ts'
import type { Bytes } from '../../src/kernel/bytes.ts'

/** What `sealedBytes` of the product does, but for the sealing. */
export function sealedBytes(store: ByteStore): SealedBytes {
  return {
    async write(_key, ref, body, options) {
      const { length } = await store.write(ref, watched(body, options), options)
      return { length, sealedLength: length }
    },
    async *read(_key, ref, _length, range, { signal, guard }) {
      for await (const chunk of store.read(ref, range, { signal })) {
        await guard.check()
        yield chunk
      }
    },
    discard: (ref) => store.discard(ref),
    within: () => sealedBytes(store),
  }
}

async function* watched(body: Bytes, { guard, onPlain }: SealedWriteOptions): Bytes {
  for await (const chunk of body) {
    await guard.check()
    onPlain?.(chunk)
    yield chunk
  }
}
