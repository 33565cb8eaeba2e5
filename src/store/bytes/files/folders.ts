import { type FileHandle, mkdir, open, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { BytesRef } from '../byte-store.ts'
import { sharedSync } from './shared-sync.ts'

const STAGING = 'staging'
const PREFIX = /^[0-9a-f]{2}$/

/** `<2 hex>/<ref>` for what is whole, `staging/<ref>` for what is being written. */
export class Folders {
  readonly #root: string
  readonly #rootHandle: FileHandle
  readonly #syncRoot: () => Promise<void>
  /** By the two digits: resolves when that folder is there for good. */
  readonly #made: Map<string, Promise<void>>
  /** By the two digits: syncs that folder. */
  readonly #syncs = new Map<string, () => Promise<void>>()
  readonly #handles: Promise<FileHandle>[] = []

  private constructor(root: string, rootHandle: FileHandle, present: readonly string[]) {
    this.#root = root
    this.#rootHandle = rootHandle
    this.#syncRoot = sharedSync(() => rootHandle.sync())
    this.#made = new Map(present.map((prefix) => [prefix, Promise.resolve()]))
  }

  /** Empties staging: nobody but the caller's process writes here. */
  static async open(root: string): Promise<Folders> {
    await mkdir(root, { recursive: true, mode: 0o700 })
    await rm(join(root, STAGING), { recursive: true, force: true })
    await mkdir(join(root, STAGING), { mode: 0o700 })
    const present = (await readdir(root)).filter((name) => PREFIX.test(name))
    const handle = await open(root, 'r')
    try {
      await handle.sync()
    } catch (error) {
      await handle.close()
      throw error
    }
    return new Folders(root, handle, present)
  }

  staged(ref: BytesRef): string {
    return join(this.#root, STAGING, ref)
  }

  whole(ref: BytesRef): string {
    return join(this.#root, ref.slice(0, 2), ref)
  }

  /** Makes the ref's folder, where this is the first to be kept in it. */
  async make(ref: BytesRef): Promise<void> {
    const prefix = ref.slice(0, 2)
    let made = this.#made.get(prefix)
    if (made === undefined) {
      made = this.#makeFolder(prefix)
      made.catch(() => this.#made.delete(prefix))
      this.#made.set(prefix, made)
    }
    await made
  }

  async #makeFolder(prefix: string): Promise<void> {
    // It may be there already, from an attempt that failed before it was durable.
    await mkdir(join(this.#root, prefix), { recursive: true, mode: 0o700 })
    await this.#syncRoot()
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
    for (const [prefix, made] of [...this.#made]) {
      const isThere = await made.then(
        () => true,
        () => false,
      )
      if (isThere) yield await readdir(join(this.#root, prefix))
    }
  }

  async close(): Promise<void> {
    this.#syncs.clear()
    await this.#rootHandle.close()
    for (const opened of await Promise.allSettled(this.#handles.splice(0))) {
      if (opened.status === 'fulfilled') await opened.value.close()
    }
  }
}
