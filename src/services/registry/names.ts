import { RegistryFault } from './faults.ts'
import type { RegistryRef } from './registry-ref.ts'

const repository = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/
const tag = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/
/** Of `host/name` together: clients cannot refer to more. */
const MAX_REFERENCE = 255

/** OCI distribution-spec 1.1, "Pulling manifests". The length goes first: what follows backtracks. */
export function isRepositoryName(name: string, { loginServer }: Pick<RegistryRef, 'loginServer'>): boolean {
  return loginServer.length + 1 + name.length <= MAX_REFERENCE && repository.test(name)
}

/** @throws RegistryFault `name-invalid` */
export function assertRepositoryName(name: string, registry: Pick<RegistryRef, 'loginServer'>): void {
  if (!isRepositoryName(name, registry)) throw new RegistryFault('name-invalid', { name: name.slice(0, 255) })
}

export function isTag(text: string): boolean {
  return tag.test(text)
}
