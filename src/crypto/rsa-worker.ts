import type { KeyObject } from 'node:crypto'
import { type Transferable, parentPort } from 'node:worker_threads'
import { type RsaPadding, decryptOaep } from './rsa-oaep.ts'

export interface RsaJob {
  readonly id: number
  readonly key: KeyObject
  readonly padding: RsaPadding
  readonly cipher: Uint8Array
}
export interface RsaAnswer {
  readonly id: number
  /** Null for every failure alike. */
  readonly plain: Uint8Array | null
}

parentPort?.on('message', ({ id, key, padding, cipher }: RsaJob) => {
  const opened = decryptOaep(key, padding, cipher)
  if (opened === null) {
    parentPort?.postMessage({ id, plain: null } satisfies RsaAnswer)
    return
  }
  // Moved, not copied: no plaintext stays behind in this thread.
  const plain = new Uint8Array(opened)
  opened.fill(0)
  parentPort?.postMessage({ id, plain } satisfies RsaAnswer, [plain.buffer as Transferable])
})
