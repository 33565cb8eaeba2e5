import type { Json, JsonObject } from '../../kernel/json.ts'
import { isJsonObject, member } from '../../kernel/json.ts'
import { refused } from '../resources/faults.ts'
import type {
  ResourceProvider,
  ResourceReader,
  ResourceType,
  WriteCall,
  Written,
} from '../resources/provider.ts'
import { type PolicyChange, changePolicies, invalid, readAccessPolicies } from './access-policy-entries.ts'
import { isFormerPlace } from './deleted-vaults.ts'
import { checkVaultName, vaultNameTaken } from './vault-name.ts'
import { presentedProperties, writtenProperties } from './vault-properties.ts'
import { vaultScopeActions } from './vault-scope-actions.ts'
import type { VaultService } from './vault-service.ts'
import { VAULT_TYPE } from './vault-settings.ts'

const apiVersions = [
  '2026-02-01',
  '2025-05-01',
  '2024-11-01',
  '2023-07-01',
  '2023-02-01',
  '2022-11-01',
  '2022-07-01',
  '2021-10-01',
  '2019-09-01',
  '2018-02-14',
  '2016-10-01',
  '2015-06-01',
]

export interface VaultProviderDeps {
  readonly vault: Pick<VaultService, 'deleted' | 'vaultChanged' | 'endpoints'>
  readonly resources: Pick<ResourceReader, 'findByGlobalName'>
}

/** Vaults as resources: settings, access policies, soft delete. https://learn.microsoft.com/rest/api/keyvault/keyvault */
export function vaultResourceProvider(deps: VaultProviderDeps): ResourceProvider {
  return {
    namespace: 'Microsoft.KeyVault',
    types: [vaults(deps), accessPolicies],
    scopeActions: vaultScopeActions(deps),
  }
}

function vaults({ vault }: VaultProviderDeps): ResourceType {
  return {
    type: VAULT_TYPE,
    apiVersions,
    globalName: true,
    identities: 'none',
    checkName: checkVaultName,
    nameTaken: vaultNameTaken,
    async put(call) {
      if (call.existing !== null) return update(call)
      if (isRecovery(call)) return await recover(vault, call)
      if ((await vault.deleted.find(call.resource.name)) !== null) throw nameIsDeleted()
      return update(call)
    },
    patch: (call) => Promise.resolve(update(call)),
    delete: ({ resource }) => vault.deleted.keep(resource),
    committed: (resource, change) => vault.vaultChanged(resource, change),
    present: (resource) => Promise.resolve({ properties: presentedProperties(vault.endpoints, resource) }),
  }
}

function update({ resource, existing, properties, apiVersion }: WriteCall): Written {
  const { tenantId } = resource
  return {
    properties: writtenProperties(properties, {
      existing: existing?.properties ?? null,
      tenantId,
      apiVersion,
    }),
  }
}

function isRecovery({ properties }: WriteCall): boolean {
  const mode = member(properties, 'createMode')
  return typeof mode === 'string' && mode.toLowerCase() === 'recover'
}

/** As it was, whatever else the body says: keys, policies, network rules, tags. Role assignments are gone, as in Azure. */
async function recover(vault: VaultProviderDeps['vault'], { resource, body }: WriteCall): Promise<Written> {
  const deleted = await vault.deleted.beginRecovery(resource)
  if (deleted === null) {
    throw refused(
      404,
      'DeletedVaultNotFound',
      `The specified deleted vault '${resource.name}' does not exist.`,
    )
  }
  const former = deleted.resource
  if (!isFormerPlace(deleted, resource)) {
    throw refused(
      409,
      'ConflictError',
      `The vault '${resource.name}' can be recovered only in the subscription, resource group and location in which it was deleted.`,
    )
  }
  const hasTags = member(body, 'tags') !== undefined
  return { properties: former.properties, uid: deleted.uid, ...(hasTags ? {} : { tags: former.tags }) }
}

function nameIsDeleted() {
  return refused(
    409,
    'VaultAlreadyExists',
    'A vault with the same name already exists in deleted state. You need to either recover or purge existing key vault. Follow this link https://go.microsoft.com/fwlink/?linkid=2149745 for more information on soft delete.',
  )
}

/** Not a resource but a way to change the vault's list: `PUT .../accessPolicies/add`. */
const accessPolicies: ResourceType = {
  type: `${VAULT_TYPE}/accessPolicies`,
  apiVersions,
  globalName: false,
  identities: 'none',
  checkName: (name) =>
    isPolicyChange(name.toLowerCase())
      ? null
      : {
          code: 'BadRequest',
          message: `'${name}' is not an access policy operation: use add, replace or remove.`,
        },
  put({ resource, properties }) {
    const change = resource.name.toLowerCase()
    if (!isPolicyChange(change)) throw invalid('operationKind', 'it must be add, replace or remove')
    const named = readAccessPolicies(member(properties, 'accessPolicies') ?? [], resource.tenantId)
    return Promise.resolve({
      properties: { accessPolicies: named },
      changeParent(vault) {
        const policies = changePolicies(listed(vault['accessPolicies']), change, named)
        return { ...vault, accessPolicies: readAccessPolicies(policies, resource.tenantId) }
      },
    })
  },
  present: ({ properties }) => Promise.resolve({ properties }),
}

function isPolicyChange(name: string): name is PolicyChange {
  return name === 'add' || name === 'replace' || name === 'remove'
}

function listed(policies: Json | undefined): readonly JsonObject[] {
  return Array.isArray(policies) ? (policies as readonly Json[]).filter(isJsonObject) : []
}
