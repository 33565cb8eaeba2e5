import { type FileHandle, mkdir, open, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { BytesRef } from '../byte-store.ts'
import { sharedSync } from './shared-sync.ts'

const STAGING = 'staging'

/** `<2 hex>/<ref>` for what is whole, `staging/<ref>` for what is being written. */
export class Folders {
  readonly #root: string
  /** By the two digits: syncs that folder. */
  readonly #syncs = new Map<string, () => Promise<void>>()
  readonly #handles: Promise<FileHandle>[] = []

  private constructor(root: string) {
    this.#root = root
  }

  /** Makes what is missing, and empties staging: nobody but the caller's process writes here. */
  static async open(root: string): Promise<Folders> {
    await mkdir(root, { recursive: true, mode: 0o700 })
    await rm(join(root, STAGING), { recursive: true, force: true })
    await mkdir(join(root, STAGING), { mode: 0o700 })
    const present = new Set(await readdir(root))
    await Promise.all(
      prefixes
        .filter((prefix) => !present.has(prefix))
        .map((prefix) => mkdir(join(root, prefix), { mode: 0o700 })),
    )
    await using handle = await open(root, 'r')
    await handle.sync()
    return new Folders(root)
  }

  staged(ref: BytesRef): string {
    return join(this.#root, STAGING, ref)
  }

  whole(ref: BytesRef): string {
    return join(this.#root, ref.slice(0, 2), ref)
  }

  /** Resolves when names that were given in the ref's folder before this call are durable. */
  async sync(ref: BytesRef): Promise<void> {
    const prefix = ref.slice(0, 2)
    let sync = this.#syncs.get(prefix)
    if (sync === undefined) {
      const opening = open(join(this.#root, prefix), 'r')
      sync = sharedSync(async () => await (await opening).sync())
      opening.catch(() => this.#syncs.delete(prefix))
      this.#handles.push(opening)
      this.#syncs.set(prefix, sync)
    }
    await sync()
  }

  async *names(): AsyncGenerator<readonly string[]> {
    for (const prefix of prefixes) yield await readdir(join(this.#root, prefix))
  }

  async close(): Promise<void> {
    this.#syncs.clear()
    for (const opened of await Promise.allSettled(this.#handles.splice(0))) {
      if (opened.status === 'fulfilled') await opened.value.close()
    }
  }
}

const prefixes: readonly string[] = Array.from({ length: 256 }, (_, index) =>
  index.toString(16).padStart(2, '0'),
)
