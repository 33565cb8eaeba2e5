import type { Clock } from '../../kernel/clock.ts'
import type { JsonObject } from '../../kernel/json.ts'
import type { Page } from '../../kernel/page.ts'
import { refused } from '../resources/faults.ts'
import type {
  ElsewhereItem,
  ElsewhereList,
  ElsewherePlace,
  Resource,
  ResourceType,
  WriteCall,
  Written,
} from '../resources/provider.ts'
import { parseResourceId } from '../resources/resource-id.ts'
import { invalidValue } from './account-words.ts'
import { CONTAINER_TYPE, containerDocument } from './container-document.ts'
import { legalHoldActions } from './container-legal-hold.ts'
import type { ContainersPort } from './ports.ts'
import { containerChange, newContainer } from './sent-container.ts'
import type { StorageAccount, StorageAccounts } from './storage-account.ts'

export interface ContainerTypeDeps {
  readonly accounts: Pick<StorageAccounts, 'find'>
  readonly containers: ContainersPort
  readonly clock: Clock
}

/** Containers, which live in the data plane. https://learn.microsoft.com/rest/api/storagerp/blob-containers */
export function containerType(deps: ContainerTypeDeps): Omit<ResourceType, 'apiVersions'> {
  return {
    type: CONTAINER_TYPE,
    globalName: false,
    isProxy: true,
    identities: 'none',
    checkName: checkContainerName,
    put: (call) => write(deps, call),
    patch: (call) => write(deps, call),
    delete: async ({ resource }) => {
      await deps.containers.delete(await accountOf(deps, resource), resource.name)
    },
    elsewhere: {
      find: (place) => find(deps, place),
      list: (place, request) => list(deps, place, request),
    },
    present: ({ properties: { etag = null, ...properties } }) => Promise.resolve({ etag, properties }),
    actions: legalHoldActions({ ...deps, accountOf: (container) => accountOf(deps, container) }),
  }
}

function checkContainerName(name: string): { readonly code: string; readonly message: string } | null {
  const isName = name.length >= 3 && name.length <= 63 && /^[a-z0-9]+(-[a-z0-9]+)*$/.test(name)
  return isName || /^\$(root|web|logs)$/.test(name)
    ? null
    : {
        code: 'InvalidResourceName',
        message: `'${name.slice(0, 64)}' is no name for a container: 3 to 63 lower-case letters, digits and single dashes.`,
      }
}

async function accountOf({ accounts }: ContainerTypeDeps, container: Resource): Promise<StorageAccount> {
  const name = parseResourceId(container.id)?.parent?.parent?.name ?? ''
  const account = await accounts.find(name)
  if (account !== null) return account
  throw refused(404, 'ParentResourceNotFound', `The storage account '${name}' could not be found.`)
}

async function find(
  { accounts, containers, clock }: ContainerTypeDeps,
  { owner, names: [service, name = ''] }: ElsewherePlace,
): Promise<JsonObject | null> {
  if (service?.toLowerCase() !== 'default') return null
  const account = await accounts.find(owner.name)
  const view = account === null ? null : await containers.find(account, name)
  return view === null || account === null ? null : containerDocument(view, account, clock.now())
}

async function list(
  { accounts, containers, clock }: ContainerTypeDeps,
  { owner }: ElsewherePlace,
  { after, limit, query }: ElsewhereList,
): Promise<Page<ElsewhereItem>> {
  const account = await accounts.find(owner.name)
  if (account === null) return { items: [], next: null }
  const { items, next } = await containers.list(account, {
    prefix: prefixOf(query.get('$filter') ?? ''),
    from: after ?? '',
    limit,
    withDeleted: query.get('$include') === 'deleted',
  })
  const properties = (view: (typeof items)[number]) => containerDocument(view, account, clock.now())
  return { items: items.map((view) => ({ name: view.name, properties: properties(view) })), next }
}

/** `$filter=startswith(name, 'a')`, the one that Azure knows. */
function prefixOf(filter: string): string {
  if (filter === '') return ''
  const found = /^\s*startswith\s*\(\s*name\s*,\s*'?([^')]*)'?\s*\)\s*$/i.exec(filter)?.[1]
  if (found === undefined) throw invalidValue('$filter', filter, "startswith(name, '<prefix>')")
  return found
}

async function write(deps: ContainerTypeDeps, call: WriteCall): Promise<Written> {
  const { containers, clock } = deps
  const { resource, existing, properties: sent } = call
  const { name } = resource
  const account = await accountOf(deps, resource)
  const view =
    existing === null
      ? await containers.create(account, name, newContainer(sent, account))
      : await containers.change(account, name, containerChange(sent, account, existing))
  return { properties: containerDocument(view, account, clock.now()) }
}
