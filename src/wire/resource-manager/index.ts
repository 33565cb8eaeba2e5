import type { Protocol } from '../../http/operation.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Endpoints } from '../../kernel/endpoints.ts'
import type { Activity } from '../../services/activity/open-activity.ts'
import type { Directory } from '../../services/directory/directory.ts'
import type { RoleAssignments } from '../../services/resources/role-assignments.ts'
import type { Resources } from '../../services/resources/resources.ts'
import { azureErrorReply } from '../shared/azure-error.ts'
import { authenticate } from './auth.ts'
import { toArmError } from './errors.ts'
import type { Deployments } from '../../services/deployments/deployments.ts'
import { activityOperations } from './operations/activity.ts'
import { groupOperations } from './operations/groups.ts'
import { identityOperations } from './operations/identities.ts'
import { metadataOperation } from './operations/metadata.ts'
import { deploymentOperations } from './operations/deployments.ts'
import { featureOperations, namespaceOperations, scopeOperations } from './operations/namespaces.ts'
import { listOperations, resourceOperations } from './operations/resources.ts'
import { roleOperations } from './operations/roles.ts'
import { subscriptionOperations } from './operations/subscriptions.ts'
import { type ArmSession, type Needs, correlationId, readApiVersion } from './session.ts'

export interface ResourceManagerDeps {
  readonly directory: Pick<Directory, 'authenticate'>
  readonly resources: Resources
  readonly roles: RoleAssignments
  readonly activity: Activity
  readonly deployments: Deployments
  readonly endpoints: Endpoints
  readonly clock: Clock
}

/**
 * Azure Resource Manager's wire, on `management.<domain>`.
 * The first operation that fits a path serves it: what is more special stands first.
 */
export function resourceManagerProtocol(deps: ResourceManagerDeps): Protocol<ArmSession | null, Needs> {
  const { endpoints } = deps
  return {
    name: 'resource-manager',
    ignoreCase: true,
    operations: [
      metadataOperation(deps),
      ...subscriptionOperations(deps),
      ...roleOperations(deps),
      ...identityOperations(deps),
      ...activityOperations(deps),
      ...featureOperations(deps),
      ...groupOperations(deps),
      ...deploymentOperations(deps),
      ...listOperations(deps),
      ...namespaceOperations(deps),
      ...resourceOperations(deps),
      ...scopeOperations(deps),
    ],
    async admit(head, matched) {
      if (matched?.operation.needs === null) return null
      const caller = await authenticate(deps, head)
      return { caller, apiVersion: readApiVersion(head) }
    },
    fail: (thrown) => azureErrorReply(toArmError(endpoints, thrown)),
    headers(head) {
      const clientRequestId = head.headers.get('x-ms-client-request-id') ?? ''
      return {
        'x-ms-request-id': head.requestId,
        'x-ms-correlation-request-id': correlationId(head),
        ...(/^[\x21-\x7e]{1,128}$/.test(clientRequestId)
          ? { 'x-ms-client-request-id': clientRequestId }
          : {}),
        'cache-control': 'no-cache',
        'strict-transport-security': 'max-age=31536000; includeSubDomains',
        'x-content-type-options': 'nosniff',
      }
    },
  }
}
