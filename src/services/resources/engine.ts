import type { Clock } from '../../kernel/clock.ts'
import type { AccessService } from '../access/access-service.ts'
import type { ActivityLog } from '../activity/activity.ts'
import type { Directory } from '../directory/directory.ts'
import { type Author, authorKind } from './document.ts'
import { refusalOf } from './faults.ts'
import type { ProviderCall } from './provider.ts'
import type { ResourceStore } from './store.ts'
import type { TypeTable } from './type-table.ts'

/** What the parts of the resource manager work with. */
export interface EngineDeps {
  readonly store: ResourceStore
  readonly types: TypeTable
  readonly access: Pick<AccessService, 'authorize' | 'allows' | 'forgetScope' | 'listAssignments'>
  readonly directory: Pick<Directory, 'createManagedIdentity' | 'deleteManagedIdentity'>
  readonly activity: ActivityLog
  readonly clock: Clock
}

export function authorOf(call: ProviderCall): Author {
  return { principalId: call.caller.principalId, kind: authorKind(call.caller.kind) }
}

/** Runs a write and enters its outcome in the activity log, a refusal too. */
export async function logged<T>(
  { activity }: Pick<EngineDeps, 'activity'>,
  entry: { readonly operation: string; readonly resourceId: string; readonly call: ProviderCall },
  work: () => Promise<T>,
): Promise<T> {
  const event = {
    operation: entry.operation,
    resourceId: entry.resourceId,
    caller: entry.call.caller,
    correlationId: entry.call.correlationId,
  }
  let result: T
  try {
    result = await work()
  } catch (error) {
    // Of a subscription that is none of the caller's tenant nothing is written: that log is others'.
    if (refusalOf(error)?.code !== 'SubscriptionNotFound') {
      await activity.record({ ...event, status: 'Failed', level: 'Error', properties: reasonOf(error) })
    }
    throw error
  }
  await activity.record({ ...event, status: 'Succeeded', level: 'Informational', properties: {} })
  return result
}

function reasonOf(error: unknown): Readonly<Record<string, string | number>> {
  const refusal = refusalOf(error)
  if (refusal !== null) {
    return { statusCode: refusal.status, errorCode: refusal.code, message: refusal.message }
  }
  // A fault of another service: its code says enough, and its facts are not ours to publish.
  return error instanceof Error && 'code' in error && typeof error.code === 'string'
    ? { errorCode: error.code }
    : {}
}
