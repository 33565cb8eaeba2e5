import { registryBody } from './estate.ts'
import type { Target } from './hostile.ts'

const BUILT_IN_READER = 'acdd72a7-3385-48ef-bd42-f606fba81ae7'

export interface ValidBody {
  /** Ids of the operations that it is for. */
  readonly fits: RegExp
  /** For `{rest+}` of the resource manager: what is written. */
  readonly rest?: string
  readonly body: object
}

/** A good body for each kind of write: what a fuzzer bends. */
export function validBodies({ rest, estate }: Pick<Target, 'rest' | 'estate'>): readonly ValidBody[] {
  const { tenantId, clientId, domain, port } = rest.server.owner
  const { identity, keyId } = estate
  return [
    ...storageBodies({ estate }),
    { fits: /Group$/, body: { location: 'eastus', tags: { a: 'b' } } },
    {
      fits: /^P..*Resource$/,
      rest: `Microsoft.ContainerRegistry/registries/${estate.registry}`,
      body: registryBody({ keyId, identity }),
    },
    {
      fits: /^P..*Resource$/,
      rest: 'Microsoft.ContainerRegistry/registries/fuzzed1',
      body: {
        ...registryBody(null),
        properties: {
          adminUserEnabled: true,
          anonymousPullEnabled: true,
          publicNetworkAccess: 'Enabled',
          networkRuleSet: { defaultAction: 'Deny', ipRules: [{ action: 'Allow', value: '127.0.0.0/8' }] },
          policies: { retentionPolicy: { status: 'disabled', days: 7 }, exportPolicy: { status: 'enabled' } },
        },
      },
    },
    {
      fits: /^P..*Resource$/,
      rest: 'Microsoft.KeyVault/vaults/fuzzed1',
      body: {
        location: 'eastus',
        properties: {
          tenantId,
          sku: { family: 'A', name: 'standard' },
          accessPolicies: [
            { tenantId, objectId: identity.principalId, permissions: { keys: ['get', 'all'] } },
          ],
          networkAcls: { bypass: 'None', defaultAction: 'Deny', ipRules: [{ value: '127.0.0.1' }] },
          enablePurgeProtection: true,
          softDeleteRetentionInDays: 90,
          createMode: 'recover',
        },
      },
    },
    {
      fits: /RoleAssignment$/,
      body: {
        properties: {
          roleDefinitionId: `/subscriptions/${rest.server.owner.subscriptionId}/providers/Microsoft.Authorization/roleDefinitions/${BUILT_IN_READER}`,
          principalId: identity.principalId,
          description: 'd',
        },
      },
    },
    {
      fits: /Deployment$/,
      body: {
        properties: {
          mode: 'Incremental',
          template: {
            $schema: 'https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#',
            contentVersion: '1.0.0.0',
            parameters: { x: { type: 'string', defaultValue: 'y' } },
            variables: { v: "[concat(parameters('x'), uniqueString(resourceGroup().id))]" },
            resources: [
              {
                type: 'Microsoft.ManagedIdentity/userAssignedIdentities',
                apiVersion: '2023-01-31',
                name: "[variables('v')]",
                location: '[resourceGroup().location]',
                dependsOn: [],
              },
            ],
            outputs: { o: { type: 'string', value: "[variables('v')]" } },
          },
          parameters: { x: { value: 'z' } },
        },
      },
    },
    {
      fits: /CreateKey/,
      body: {
        kty: 'RSA',
        key_size: 2048,
        key_ops: ['wrapKey'],
        attributes: { enabled: true, exp: 1 },
        tags: { a: 'b' },
      },
    },
    {
      fits: /ImportKey/,
      body: {
        key: { kty: 'RSA', n: 'AQAB', e: 'AQAB', d: 'AQAB', p: 'Aw', q: 'BQ', dp: 'AQ', dq: 'AQ', qi: 'AQ' },
      },
    },
    { fits: /crypt$|wrapKey$|WrapKey$/, body: { alg: 'RSA-OAEP-256', value: 'AQID' } },
    { fits: /UpdateKey/, body: { attributes: { enabled: false, nbf: 1, exp: 2 } } },
    {
      fits: /Application$/,
      body: {
        displayName: 'app',
        signInAudience: 'AzureADMultipleOrgs',
        keyCredentials: [],
        passwordCredentials: [],
      },
    },
    {
      fits: /FederatedCredential$/,
      body: {
        name: 'fic',
        issuer: `https://login.${domain}:${port}/${tenantId}/v2.0`,
        subject: identity.principalId,
        audiences: ['api://AzureADTokenExchange'],
        description: 'd',
      },
    },
    { fits: /ServicePrincipal$/, body: { appId: clientId, accountEnabled: true } },
    { fits: /^Add/, body: { passwordCredential: { displayName: 'p', endDateTime: '2030-01-01T00:00:00Z' } } },
    { fits: /^Remove/, body: { keyId: clientId } },
    { fits: /ByIds/, body: { ids: [clientId, tenantId], types: ['servicePrincipal'] } },
    {
      fits: /^ActOnResource$/,
      rest: `Microsoft.ContainerRegistry/registries/${estate.registry}/regenerateCredential`,
      body: { name: 'password' },
    },
    {
      fits: /^ActOnScope$/,
      rest: 'checkNameAvailability',
      body: { name: 'kv9', type: 'Microsoft.KeyVault/vaults' },
    },
    { fits: /^AcrUpdate/, body: { deleteEnabled: true, writeEnabled: false } },
    {
      fits: /^PutManifest$/,
      body: {
        schemaVersion: 2,
        mediaType: 'application/vnd.oci.image.manifest.v1+json',
        config: {
          mediaType: 'application/vnd.oci.empty.v1+json',
          digest: `sha256:${'0'.repeat(64)}`,
          size: 2,
        },
        layers: [],
        subject: null,
        annotations: { a: 'b' },
      },
    },
    {
      fits: /^PutResource$/,
      rest: `Microsoft.KeyVault/vaults/${estate.vault}/accessPolicies/add`,
      body: {
        properties: { accessPolicies: [{ tenantId, objectId: clientId, permissions: { keys: ['get'] } }] },
      },
    },
    {
      fits: /^P..*Resource$/,
      rest: 'Microsoft.ManagedIdentity/userAssignedIdentities/fuzzed1',
      body: { location: 'eastus', tags: { a: 'b' } },
    },
  ]
}

/** Of storage accounts and what is below them. `fuzzed1` may be made by one and be there for the next. */
function storageBodies({ estate }: Pick<Target, 'estate'>): readonly ValidBody[] {
  const { identity, keyId } = estate
  const account = 'Microsoft.Storage/storageAccounts/fuzzed1'
  const container = `${account}/blobServices/default/containers/fuzzed1`
  const [vaultUri = '', keyPath = ''] = keyId.split('/keys/')
  const [keyname = '', keyversion = ''] = keyPath.split('/')
  const write = (rest: string, body: object): ValidBody => ({ fits: /^P..*Resource$/, rest, body })
  const act = (rest: string, body: object): ValidBody => ({ fits: /^ActOnResource$/, rest, body })
  return [
    write(account, {
      location: 'eastus',
      kind: 'StorageV2',
      sku: { name: 'Standard_LRS' },
      identity: { type: 'UserAssigned', userAssignedIdentities: { [identity.id]: {} } },
      properties: {
        encryption: {
          keySource: 'Microsoft.Keyvault',
          keyvaultproperties: { keyname, keyversion, keyvaulturi: vaultUri },
          identity: { userAssignedIdentity: identity.id, federatedIdentityClientId: 'None' },
          services: { blob: { enabled: true, keyType: 'Account' }, queue: { keyType: 'Service' } },
          requireInfrastructureEncryption: false,
        },
      },
    }),
    write(account, {
      location: 'eastus',
      kind: 'StorageV2',
      sku: { name: 'Standard_LRS' },
      properties: {
        accessTier: 'Hot',
        minimumTlsVersion: 'TLS1_2',
        allowBlobPublicAccess: true,
        allowSharedKeyAccess: true,
        keyPolicy: { keyExpirationPeriodInDays: 9 },
        sasPolicy: { sasExpirationPeriod: '1.00:00:00', expirationAction: 'Log' },
        networkAcls: {
          bypass: 'Logging, Metrics',
          defaultAction: 'Allow',
          ipRules: [{ value: '10.0.0.0/8' }],
        },
      },
    }),
    write(`${account}/encryptionScopes/fuzzed1`, {
      properties: { source: 'Microsoft.KeyVault', state: 'Enabled', keyVaultProperties: { keyUri: keyId } },
    }),
    write(`${account}/blobServices/default`, {
      properties: {
        isVersioningEnabled: true,
        deleteRetentionPolicy: { enabled: true, days: 7 },
        containerDeleteRetentionPolicy: { enabled: true, days: 7 },
      },
    }),
    write(container, {
      properties: {
        publicAccess: 'None',
        metadata: { a: 'b' },
        defaultEncryptionScope: '$account-encryption-key',
        denyEncryptionScopeOverride: false,
      },
    }),
    write(`${container}/immutabilityPolicies/default`, {
      properties: { immutabilityPeriodSinceCreationInDays: 1, allowProtectedAppendWrites: true },
    }),
    act(`${account}/regenerateKey`, { keyName: 'key1' }),
    act(`${account}/listAccountSas`, {
      signedServices: 'b',
      signedResourceTypes: 'sco',
      signedPermission: 'rl',
      signedExpiry: '2031-01-01T00:00:00Z',
      signedIp: '10.0.0.1',
      keyToSign: 'key2',
    }),
    act(`${account}/listServiceSas`, {
      canonicalizedResource: '/blob/fuzzed1/fuzzed1',
      signedResource: 'c',
      signedPermission: 'r',
      signedExpiry: '2031-01-01T00:00:00Z',
    }),
    act(`${container}/setLegalHold`, { tags: ['abc'] }),
    act(`${container}/clearLegalHold`, { tags: ['abc'] }),
    act(`${container}/immutabilityPolicies/default/extend`, {
      properties: { immutabilityPeriodSinceCreationInDays: 2 },
    }),
  ]
}
