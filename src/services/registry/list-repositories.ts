import type { Page } from '../../kernel/page.ts'
import {
  type RepositoryRow,
  listRepositories as listRows,
} from '../../store/records/registry/repositories.ts'
import type { ContentDeps } from './content-deps.ts'
import type { RegistryRef } from './registry-ref.ts'
import { openRegistry } from './registry-seal.ts'
import { visiblePage } from './visible-page.ts'

/** Names in ASCII order, beyond `after`; those that are hidden from lists left out. */
export async function listRepositories(
  deps: Pick<ContentDeps, 'records' | 'keyring'>,
  {
    registry,
    after,
    limit,
  }: { readonly registry: RegistryRef; readonly after: string; readonly limit: number },
  signal: AbortSignal,
): Promise<Page<string>> {
  const seal = await openRegistry(deps.keyring, registry, signal)
  const { items, end } = await visiblePage<string, RepositoryRow>(
    limit,
    (last, rows) => listRows(deps.records.read, registry.uid, last?.name ?? after, rows),
    ({ id, name, sealed }) =>
      seal.repository.open({ id, name }, sealed).attributes.listEnabled ? name : null,
  )
  return { items, next: end?.name ?? null }
}
