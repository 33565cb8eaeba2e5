import { RegistryFault } from './faults.ts'

/** The locks of a repository, a manifest or a tag; all true when nothing was locked. */
export interface Attributes {
  readonly deleteEnabled: boolean
  readonly writeEnabled: boolean
  readonly readEnabled: boolean
  readonly listEnabled: boolean
}

export const unlocked: Attributes = {
  deleteEnabled: true,
  writeEnabled: true,
  readEnabled: true,
  listEnabled: true,
}

/** What somebody wants to do to a thing that may be locked. `write` overwrites or adds, and needs no `delete`. */
export type LockedAction = 'read' | 'write' | 'delete'

/** One thing on the way: a repository, or a tag or manifest in it. */
export interface Lockable {
  readonly name: string
  /** Tag or digest; null for the repository itself. */
  readonly reference: string | null
  readonly attributes: Attributes
}

/**
 * The only place where locks are enforced: every route's service asks here, inside the transaction when it changes
 * something. `writeEnabled: false` forbids deletion, too.
 *
 * @throws RegistryFault `operation-disallowed`
 */
export function assertUnlocked(action: LockedAction, ...things: readonly Lockable[]): void {
  for (const { name, reference, attributes } of things) {
    if (!allows(attributes, action)) throw new RegistryFault('operation-disallowed', { name, reference })
  }
}

function allows(attributes: Attributes, action: LockedAction): boolean {
  switch (action) {
    case 'read':
      return attributes.readEnabled
    case 'write':
      return attributes.writeEnabled
    case 'delete':
      return attributes.deleteEnabled && attributes.writeEnabled
  }
}
