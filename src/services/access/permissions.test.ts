import { describe, expect, it } from 'vitest'
import { builtInRoles } from './built-in-roles.ts'
import { compilePermissions } from './permissions.ts'

const none = { actions: [], notActions: [], dataActions: [], notDataActions: [] }

describe('a pattern', () => {
  it.each([
    ['*', 'Microsoft.KeyVault/vaults/write', true],
    ['*/read', 'Microsoft.KeyVault/vaults/read', true],
    ['*/read', 'Microsoft.KeyVault/vaults/keys/read', true],
    ['*/read', 'read', false],
    ['*/read', 'Microsoft.KeyVault/vaults/read/action', false],
    ['*/read', 'Microsoft.KeyVault/vaults/readMetadata', false],
    ['Microsoft.KeyVault/*', 'Microsoft.KeyVault/vaults/write', true],
    ['Microsoft.KeyVault/*', 'Microsoft.KeyVaultX/vaults/write', false],
    ['Microsoft.KeyVault/*', 'MicrosoftxKeyVault/vaults/write', false],
    ['Microsoft.KeyVault/*', 'Microsoft.KeyVault', false],
    ['Microsoft.KeyVault/vaults/*/read', 'Microsoft.KeyVault/vaults/read', true],
    ['Microsoft.KeyVault/vaults/*/read', 'Microsoft.KeyVault/vaultsread', false],
    ['Microsoft.KeyVault/vaults/*/read', 'Microsoft.KeyVault/vaults/xread', false],
    ['a/*/*/b', 'a/b', true],
    ['Microsoft.KeyVault/vaults/*/read', 'Microsoft.KeyVault/vaults/a/b/read', true],
    ['microsoft.keyvault/VAULTS/Write', 'Microsoft.KeyVault/vaults/write', true],
    ['Microsoft.KeyVault/vaults/write', 'Microsoft.KeyVault/vaults/write/x', false],
    ['Microsoft.KeyVault/vaults/write', 'x/Microsoft.KeyVault/vaults/write', false],
    ['Microsoft.KeyVault/vaults/write', 'Microsoft.KeyVault/vaults/write\n', false],
    ['*', '', true],
    ['', 'anything', false],
    ['a+b/(c)', 'a+b/(c)', true],
    ['a+b/(c)', 'aab/c', false],
  ])('%s against %s: %s', (pattern, action, expected) => {
    expect(compilePermissions({ ...none, actions: [pattern] }).allows(action)).toBe(expected)
    expect(compilePermissions({ ...none, dataActions: [pattern] }).allowsData(action)).toBe(expected)
  })
})

it('actions say nothing of data actions, nor the other way round', () => {
  const check = compilePermissions({ ...none, actions: ['*'] })
  expect([check.allows('a/read'), check.allowsData('a/read')]).toEqual([true, false])
  const data = compilePermissions({ ...none, dataActions: ['*'] })
  expect([data.allows('a/read'), data.allowsData('a/read')]).toEqual([false, true])
})

it('notActions and notDataActions take away', () => {
  const check = compilePermissions({
    actions: ['*'],
    notActions: ['a/*/Write'],
    dataActions: ['d/*'],
    notDataActions: ['d/secret'],
  })
  expect(['a/b/write', 'a/write', 'a/b/read'].map((action) => check.allows(action))).toEqual([
    false,
    false,
    true,
  ])
  expect(['d/secret', 'd/open'].map((action) => check.allowsData(action))).toEqual([false, true])
})

const roles = new Map(builtInRoles.map((role) => [role.roleName, compilePermissions(role)]))

describe('the built-in role', () => {
  const vaults = 'Microsoft.KeyVault/vaults'
  const accounts = 'Microsoft.Storage/storageAccounts'
  const blobs = `${accounts}/blobServices/containers/blobs`
  it.each([
    ['Owner', 'Microsoft.Authorization/roleAssignments/write', true],
    ['Contributor', 'Microsoft.KeyVault/vaults/write', true],
    ['Contributor', 'Microsoft.Authorization/roleAssignments/write', false],
    ['Contributor', 'Microsoft.Authorization/roleAssignments/delete', false],
    ['Contributor', 'Microsoft.Authorization/policyAssignments/write', false],
    ['Contributor', 'Microsoft.Authorization/roleAssignments/read', true],
    ['Contributor', 'Microsoft.Authorization/elevateAccess/action', false],
    ['Contributor', 'Microsoft.ManagedIdentity/userAssignedIdentities/assign/action', true],
    ['Reader', 'Microsoft.ContainerRegistry/registries/read', true],
    ['Reader', 'Microsoft.ContainerRegistry/registries/write', false],
    ['Reader', 'Microsoft.ContainerRegistry/registries/listCredentials/action', false],
    ['Reader', 'Microsoft.ContainerRegistry/registries/pull/read', true],
    ['User Access Administrator', 'Microsoft.Authorization/roleAssignments/write', true],
    ['User Access Administrator', 'Microsoft.KeyVault/vaults/write', false],
    ['AcrPull', 'Microsoft.ContainerRegistry/registries/pull/read', true],
    ['AcrPull', 'Microsoft.ContainerRegistry/registries/push/write', false],
    ['AcrPull', 'Microsoft.ContainerRegistry/registries/read', false],
    ['AcrPush', 'Microsoft.ContainerRegistry/registries/pull/read', true],
    ['AcrPush', 'Microsoft.ContainerRegistry/registries/push/write', true],
    ['AcrPush', 'Microsoft.ContainerRegistry/registries/artifacts/delete', false],
    ['AcrDelete', 'Microsoft.ContainerRegistry/registries/artifacts/delete', true],
    ['Managed Identity Operator', 'Microsoft.ManagedIdentity/userAssignedIdentities/assign/action', true],
    ['Managed Identity Operator', 'Microsoft.ManagedIdentity/userAssignedIdentities/write', false],
    ['Managed Identity Contributor', 'Microsoft.ManagedIdentity/userAssignedIdentities/write', true],
    ['Key Vault Contributor', 'Microsoft.KeyVault/vaults/accessPolicies/write', true],
    ['Key Vault Contributor', 'Microsoft.KeyVault/locations/deletedVaults/purge/action', false],
    ['Key Vault Contributor', 'Microsoft.KeyVault/managedHSMs/write', false],
    ['Key Vault Purge Operator', 'Microsoft.KeyVault/locations/deletedVaults/purge/action', true],
    ['Key Vault Administrator', 'Microsoft.KeyVault/vaults/write', false],
    ['Reader', `${accounts}/listKeys/action`, false],
    ['Storage Account Contributor', `${accounts}/write`, true],
    ['Storage Account Contributor', `${accounts}/encryptionScopes/write`, true],
    ['Storage Account Contributor', `${vaults}/write`, false],
    ['Storage Account Key Operator Service Role', `${accounts}/regenerateKey/action`, true],
    ['Storage Account Key Operator Service Role', `${accounts}/read`, false],
    ['Reader and Data Access', `${accounts}/listKeys/action`, true],
    ['Reader and Data Access', `${accounts}/regenerateKey/action`, false],
    ['Storage Blob Data Contributor', `${accounts}/blobServices/containers/write`, true],
    ['Storage Blob Data Reader', `${accounts}/blobServices/containers/write`, false],
    ['Storage Blob Data Reader', `${accounts}/listKeys/action`, false],
    ['Storage Blob Delegator', `${accounts}/blobServices/generateUserDelegationKey/action`, true],
    ['Storage Blob Delegator', `${accounts}/blobServices/containers/read`, false],
  ])('%s and the action %s: %s', (name, action, expected) => {
    expect(roles.get(name)?.allows(action)).toBe(expected)
  })

  it.each([
    ['Owner', `${vaults}/keys/read`, false],
    ['Contributor', `${vaults}/secrets/getSecret/action`, false],
    ['Reader', `${vaults}/keys/read`, false],
    ['Key Vault Administrator', `${vaults}/keys/purge/action`, true],
    ['Key Vault Reader', `${vaults}/keys/read`, true],
    ['Key Vault Reader', `${vaults}/secrets/getSecret/action`, false],
    ['Key Vault Reader', `${vaults}/keys/unwrap/action`, false],
    ['Key Vault Crypto Officer', `${vaults}/keys/create/action`, true],
    ['Key Vault Crypto Officer', `${vaults}/secrets/setSecret/action`, false],
    ['Key Vault Crypto User', `${vaults}/keys/unwrap/action`, true],
    ['Key Vault Crypto User', `${vaults}/keys/delete`, false],
    ['Key Vault Crypto Service Encryption User', `${vaults}/keys/read`, true],
    ['Key Vault Crypto Service Encryption User', `${vaults}/keys/wrap/action`, true],
    ['Key Vault Crypto Service Encryption User', `${vaults}/keys/unwrap/action`, true],
    ['Key Vault Crypto Service Encryption User', `${vaults}/keys/sign/action`, false],
    ['Key Vault Crypto Service Encryption User', `${vaults}/keys/backup/action`, false],
    ['Key Vault Secrets User', `${vaults}/secrets/getSecret/action`, true],
    ['Key Vault Certificates Officer', `${vaults}/keys/read`, false],
    ['Storage Account Contributor', `${blobs}/read`, false],
    ['Storage Blob Data Owner', `${blobs}/manageOwnership/action`, true],
    ['Storage Blob Data Contributor', `${blobs}/write`, true],
    ['Storage Blob Data Contributor', `${blobs}/tags/write`, false],
    ['Storage Blob Data Reader', `${blobs}/read`, true],
    ['Storage Blob Data Reader', `${blobs}/write`, false],
    ['Storage Blob Delegator', `${blobs}/read`, false],
  ])('%s and the data action %s: %s', (name, action, expected) => {
    expect(roles.get(name)?.allowsData(action)).toBe(expected)
  })

  it('has an id and a name of its own', () => {
    expect(new Set(builtInRoles.map(({ roleId }) => roleId)).size).toBe(builtInRoles.length)
    expect(roles.size).toBe(builtInRoles.length)
  })
})
