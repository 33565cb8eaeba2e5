import type { ProtectedResource } from './keyring.ts'
import type { KeyChange } from './ports.ts'
import { RootKeySlot, type SlotDeps } from './root-key-slot.ts'
import { refusedWrapping } from './wrapping-record.ts'

/** The slots of all resources that were asked for since the start; an empty one weighs next to nothing. */
export class Slots {
  readonly #deps: SlotDeps
  readonly #slots = new Map<string, RootKeySlot>()

  constructor(deps: SlotDeps) {
    this.#deps = deps
  }

  /** @throws KeyringFault `wrapping-refused` for a purpose that its keys are not for */
  of(resource: ProtectedResource): RootKeySlot {
    const known = this.#slots.get(resource.uid)
    if (known !== undefined) {
      if (known.resource.purpose !== resource.purpose)
        throw refusedWrapping(resource, 'it is for another purpose')
      return known
    }
    const made = new RootKeySlot(this.#deps, resource)
    this.#slots.set(resource.uid, made)
    return made
  }

  find(uid: string): RootKeySlot | undefined {
    return this.#slots.get(uid)
  }

  touch(change: KeyChange): void {
    for (const slot of this.#slots.values()) slot.touch(change)
  }

  /** For a resource that is gone: whoever still holds a lease of it opens nothing more. */
  close(resource: ProtectedResource): void {
    this.#slots.get(resource.uid)?.close()
    this.#slots.delete(resource.uid)
  }

  closeAll(): void {
    for (const slot of this.#slots.values()) slot.close()
  }
}
