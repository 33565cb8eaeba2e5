import type { Guid } from '../../kernel/guid.ts'
import type {
  ApplicationRow,
  DirectoryChange,
  PasswordRow,
  PrincipalRow,
  TenantRow,
} from '../../store/records/directory/directory-objects.ts'

/**
 * All of the directory but its signing keys, as committed. Look-ups are on every request's path, so they never wait for
 * the records; changes are applied after their commit.
 */
export class DirectoryMemory {
  readonly #tenants = new Map<string, TenantRow>()
  readonly #applications = new Map<string, ApplicationRow>()
  readonly #principals = new Map<string, PrincipalRow>()
  readonly #applicationByAppId = new Map<string, ApplicationRow>()
  /** By application, then by tenant. */
  readonly #principalsByAppId = new Map<string, Map<string, PrincipalRow>>()
  readonly #principalByResource = new Map<string, PrincipalRow>()
  readonly #passwords = new Map<string, PasswordRow>()

  apply(changes: readonly DirectoryChange[]): void {
    for (const change of changes) this.#apply(change)
  }

  #apply(change: DirectoryChange): void {
    if ('remove' in change) {
      if (change.remove === 'application') this.#dropApplication(change.id)
      if (change.remove === 'principal') this.#dropPrincipal(change.id)
      return
    }
    if (change.put === 'tenant') this.#tenants.set(change.row.tenantId, change.row)
    if (change.put === 'application') {
      this.#dropApplication(change.row.objectId)
      this.#applications.set(change.row.objectId, change.row)
      this.#applicationByAppId.set(change.row.appId, change.row)
      for (const password of change.row.passwords) this.#passwords.set(password.keyId, password)
    }
    if (change.put === 'principal') {
      const { row } = change
      this.#dropPrincipal(row.principalId)
      this.#principals.set(row.principalId, row)
      const ofApplication = this.#principalsByAppId.get(row.appId) ?? new Map<string, PrincipalRow>()
      this.#principalsByAppId.set(row.appId, ofApplication.set(row.tenantId, row))
      if (row.resourceId !== null) this.#principalByResource.set(row.resourceId.toLowerCase(), row)
    }
  }

  #dropApplication(objectId: string): void {
    const row = this.#applications.get(objectId)
    if (row === undefined) return
    this.#applications.delete(objectId)
    this.#applicationByAppId.delete(row.appId)
    for (const { keyId } of row.passwords) this.#passwords.delete(keyId)
  }

  #dropPrincipal(principalId: string): void {
    const row = this.#principals.get(principalId)
    if (row === undefined) return
    this.#principals.delete(principalId)
    const ofApplication = this.#principalsByAppId.get(row.appId)
    ofApplication?.delete(row.tenantId)
    if (ofApplication?.size === 0) this.#principalsByAppId.delete(row.appId)
    if (row.resourceId !== null) this.#principalByResource.delete(row.resourceId.toLowerCase())
  }

  tenant(tenantId: Guid): TenantRow | null {
    return this.#tenants.get(tenantId) ?? null
  }

  /** In the order of their making. */
  tenants(): readonly TenantRow[] {
    return ordered(this.#tenants).toSorted((a, b) => Date.parse(a.createdAt) - Date.parse(b.createdAt))
  }

  application(objectId: Guid): ApplicationRow | null {
    return this.#applications.get(objectId) ?? null
  }

  applicationByAppId(appId: Guid): ApplicationRow | null {
    return this.#applicationByAppId.get(appId) ?? null
  }

  applications(): readonly ApplicationRow[] {
    return ordered(this.#applications)
  }

  principal(principalId: Guid): PrincipalRow | null {
    return this.#principals.get(principalId) ?? null
  }

  /** An application has one in each tenant that let it in, a managed identity one alone. */
  principalIn(tenantId: Guid, appId: Guid): PrincipalRow | null {
    return this.#principalsByAppId.get(appId)?.get(tenantId) ?? null
  }

  principalsOf(appId: Guid): readonly PrincipalRow[] {
    return [...(this.#principalsByAppId.get(appId)?.values() ?? [])]
  }

  principalByResource(resourceId: string): PrincipalRow | null {
    return this.#principalByResource.get(resourceId.toLowerCase()) ?? null
  }

  principals(): readonly PrincipalRow[] {
    return ordered(this.#principals)
  }

  password(keyId: Guid): PasswordRow | null {
    return this.#passwords.get(keyId) ?? null
  }
}

function ordered<T>(rows: ReadonlyMap<string, T>): readonly T[] {
  return [...rows].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row)
}
