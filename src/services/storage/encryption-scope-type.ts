import { type Clock, azureTime } from '../../kernel/clock.ts'
import { type JsonObject, member } from '../../kernel/json.ts'
import { refused } from '../resources/faults.ts'
import type { Resource, ResourceReader, ResourceType, WriteCall, Written } from '../resources/provider.ts'
import { parseResourceId } from '../resources/resource-id.ts'
import type { EncryptionDeps } from './account-encryption.ts'
import { fixedProperty, sentBoolean, withWord } from './account-words.ts'
import { applyScopeEncryption, presentScopeEncryption } from './scope-encryption.ts'
import { ENCRYPTION_SCOPE_TYPE, type StorageAccounts } from './storage-account.ts'
import { hasInfrastructureEncryption } from './storage-accounts.ts'

export interface ScopeTypeDeps extends EncryptionDeps {
  readonly resources: Pick<ResourceReader, 'findById'>
  readonly accounts: Pick<StorageAccounts, 'forget'>
  /** Takes a scope's keys away after its account is gone. */
  readonly discardScope: (scope: Resource) => void
  readonly clock: Clock
}

/** A root key of its own below an account. https://learn.microsoft.com/rest/api/storagerp/encryption-scopes */
export function encryptionScopeType(deps: ScopeTypeDeps): Omit<ResourceType, 'apiVersions'> {
  return {
    type: ENCRYPTION_SCOPE_TYPE,
    globalName: false,
    isProxy: true,
    isPermanent: true,
    identities: 'none',
    checkName: (name) =>
      /^[a-z0-9-]{3,63}$/i.test(name)
        ? null
        : {
            code: 'InvalidResourceName',
            message: `'${name.slice(0, 64)}' is no name for an encryption scope: 3 to 63 letters, digits and dashes.`,
          },
    put: (call) => write(deps, call),
    patch: (call) => write(deps, call),
    committed(scope, change) {
      deps.accounts.forget(accountNameOf(scope))
      if (change === 'deleted') deps.discardScope(scope)
    },
    present: (scope) => present(deps, scope),
  }
}

function accountNameOf({ id }: Resource): string {
  return parseResourceId(id)?.parent?.name ?? ''
}

async function write(deps: ScopeTypeDeps, call: WriteCall): Promise<Written> {
  const { resource, existing, properties: sent, signal } = call
  const account = await accountOf(deps, resource)
  const now = azureTime(deps.clock.now())
  const state = member(sent, 'state')
  const word = state === undefined ? null : withWord('state', state, ['Enabled', 'Disabled'])
  const isDoubled = doubled(sent, account, existing)
  await applyScopeEncryption(deps, { scope: resource, account, isNew: existing === null, sent, signal })
  return {
    properties: {
      state: word ?? existing?.properties['state'] ?? 'Enabled',
      creationTime: existing?.properties['creationTime'] ?? now,
      lastModifiedTime: now,
      requireInfrastructureEncryption: isDoubled,
    },
  }
}

/** An account with the second layer has it in every scope; elsewhere it is chosen when the scope is made. */
function doubled(sent: JsonObject, account: Resource, existing: Resource | null): boolean {
  const name = 'requireInfrastructureEncryption'
  const asked = sentBoolean(sent, name)
  const before = existing?.properties[name] === true
  if (existing !== null && asked !== undefined && asked !== before) throw fixedProperty(name)
  return existing === null ? (asked ?? false) || hasInfrastructureEncryption(account) : before
}

async function accountOf({ resources }: ScopeTypeDeps, scope: Resource): Promise<Resource> {
  const parent = parseResourceId(scope.id)?.parent
  const account = parent == null ? null : await resources.findById(parent.id)
  if (account !== null) return account
  throw refused(404, 'ParentResourceNotFound', `The storage account of '${scope.id}' could not be found.`)
}

async function present(
  { keyring }: ScopeTypeDeps,
  scope: Resource,
): Promise<{ readonly properties: JsonObject }> {
  return { properties: { ...scope.properties, ...(await presentScopeEncryption(keyring, scope)) } }
}
