import type { RoleDefinition } from './access-service.ts'
import { operatorActions, role } from './role-definition.ts'

const accounts = 'Microsoft.Storage/storageAccounts'
const containers = `${accounts}/blobServices/containers`
const delegate = `${accounts}/blobServices/generateUserDelegationKey/action`

/** https://learn.microsoft.com/azure/role-based-access-control/built-in-roles/storage */
export const storageRoles: readonly RoleDefinition[] = [
  role('17d1049b-9a84-46fb-8f53-869881c3d3ab', 'Storage Account Contributor', {
    description:
      'Lets you manage storage accounts, including accessing storage account keys which provide full access to storage account data.',
    actions: [
      ...operatorActions(),
      'Microsoft.Insights/diagnosticSettings/*',
      'Microsoft.Network/virtualNetworks/subnets/joinViaServiceEndpoint/action',
      'Microsoft.ResourceHealth/availabilityStatuses/read',
      `${accounts}/*`,
    ],
  }),
  role('81a9662b-bebf-436f-a333-f67b29880f12', 'Storage Account Key Operator Service Role', {
    description: 'Storage Account Key Operators are allowed to list and regenerate keys on Storage Accounts',
    actions: [`${accounts}/listkeys/action`, `${accounts}/regeneratekey/action`],
  }),
  role('c12c1c16-33a1-487b-954d-41c89c60f349', 'Reader and Data Access', {
    description:
      'Lets you view everything but will not let you delete or create a storage account or contained resource. It will also allow read/write access to all data contained in a storage account via access to storage account keys.',
    actions: [`${accounts}/listKeys/action`, `${accounts}/ListAccountSas/action`, `${accounts}/read`],
  }),
  role('b7e6dc6d-f1e8-4753-8033-0f276bb0955b', 'Storage Blob Data Owner', {
    description:
      'Allows for full access to Azure Storage blob containers and data, including assigning POSIX access control.',
    actions: [`${containers}/*`, delegate],
    dataActions: [`${containers}/blobs/*`],
  }),
  role('ba92f5b4-2d11-453d-a403-e96b0029c9fe', 'Storage Blob Data Contributor', {
    description: 'Allows for read, write and delete access to Azure Storage blob containers and data',
    actions: [`${containers}/delete`, `${containers}/read`, `${containers}/write`, delegate],
    dataActions: [
      `${containers}/blobs/delete`,
      `${containers}/blobs/read`,
      `${containers}/blobs/write`,
      `${containers}/blobs/move/action`,
      `${containers}/blobs/add/action`,
    ],
  }),
  role('2a2b9908-6ea1-4ae2-8e65-a410df84e7d1', 'Storage Blob Data Reader', {
    description: 'Allows for read access to Azure Storage blob containers and data',
    actions: [`${containers}/read`, delegate],
    dataActions: [`${containers}/blobs/read`],
  }),
  role('db58b8e5-c6ad-4a2a-8342-4190687cbf4a', 'Storage Blob Delegator', {
    description: 'Allows for generation of a user delegation key which can be used to sign SAS tokens',
    actions: [delegate],
  }),
]
