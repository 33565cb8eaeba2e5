import type { Clock } from '../../kernel/clock.ts'
import type { Guid } from '../../kernel/guid.ts'
import type {
  ApplicationRow,
  DirectoryChange,
  PrincipalRow,
} from '../../store/records/directory/directory-objects.ts'
import type { DirectoryMemory } from './directory-memory.ts'
import { DirectoryObjectFault } from './faults.ts'

export interface ObjectDeps {
  readonly memory: DirectoryMemory
  readonly clock: Clock
  /** Checks and decides on changes when its turn comes; resolves when they are durable and in force. */
  readonly change: <T>(decide: () => Decided<T>) => Promise<T>
}

export interface Decided<T> {
  readonly changes: readonly DirectoryChange[]
  readonly result: T
}

const MAX_NAME_LENGTH = 256

/** @throws DirectoryObjectFault `last-administrator` */
export function assertNotLastAdministrator(memory: DirectoryMemory, principal: PrincipalRow): void {
  if (!principal.isTenantAdministrator) return
  const administrators = memory
    .principals()
    .filter((other) => other.isTenantAdministrator && other.tenantId === principal.tenantId)
  if (administrators.length > 1) return
  throw new DirectoryObjectFault('last-administrator', { principalId: principal.principalId })
}

/** @throws DirectoryObjectFault `object-not-found` */
export function applicationRow(memory: DirectoryMemory, tenantId: Guid, objectId: Guid): ApplicationRow {
  const row = memory.application(objectId)
  if (row?.tenantId !== tenantId) throw new DirectoryObjectFault('object-not-found', { id: objectId })
  return row
}

/** @throws DirectoryObjectFault `property-invalid` */
export function named(displayName: string): string {
  if (displayName.trim() === '') throw invalid('displayName', 'it must not be empty')
  if (displayName.length > MAX_NAME_LENGTH)
    throw invalid('displayName', `it is longer than ${MAX_NAME_LENGTH} characters`)
  return displayName
}

export function invalid(property: string, reason: string): DirectoryObjectFault {
  return new DirectoryObjectFault('property-invalid', { property, reason })
}
