import { randomGuid } from '../../crypto/random.ts'
import type { JsonObject } from '../../kernel/json.ts'
import type { Log } from '../../observe/log.ts'
import type { ActivityEvent, ActivityLog } from '../activity/activity.ts'
import { formatKeyIdentifier } from './key-id.ts'
import { isKeyringFault } from './fault-kinds.ts'
import type { KeyringFault, ProtectedResource } from './keyring.ts'
import { fingerprintOf, type Wrapping } from './wrapping-record.ts'

/** Why a root key was wrapped anew. */
export type WrapCause = 'created' | 'requested' | 'new-key-version'

/** What a resource's key did, for its owner to read. Resolves when it is written, or logged as lost; never rejects. */
export interface KeyActivity {
  wrapped(resource: ProtectedResource, wrapping: Wrapping, cause: WrapCause): Promise<void>
  /** The settings changed and the wrapped key did not. */
  reconfigured(resource: ProtectedResource, wrapping: Wrapping): Promise<void>
  notWrapped(resource: ProtectedResource, error: unknown, cause: WrapCause): Promise<void>
  /** The key stopped opening: once, not for each request. */
  refused(resource: ProtectedResource, refusal: KeyringFault): Promise<void>
  /** It opens again. */
  restored(resource: ProtectedResource, wrapping: Wrapping): Promise<void>
  /** For all that was reported. */
  flush(): Promise<void>
}

export function keyActivity(activity: ActivityLog, log: Pick<Log, 'info' | 'warn' | 'error'>): KeyActivity {
  const writing = new Set<Promise<void>>()
  const record = (
    resource: ProtectedResource,
    what: Pick<ActivityEvent, 'status' | 'level' | 'properties'> & { readonly action: string },
  ) => {
    const operation = `${typeOf(resource.resourceId)}/encryption/${what.action}/action`
    const { status, level, properties } = what
    const { resourceId } = resource
    log[levelOf[level]]({ resourceId, status, ...properties }, operation)
    const entry = {
      operation,
      status,
      level,
      resourceId,
      caller: null,
      correlationId: randomGuid(),
      properties,
    }
    const written = activity.record(entry).then(
      () => void writing.delete(written),
      (error: unknown) => {
        writing.delete(written)
        log.error({ resourceId, error }, 'an activity log entry was lost')
      },
    )
    writing.add(written)
    return written
  }
  const succeeded = { status: 'Succeeded', level: 'Informational' } as const
  return {
    wrapped: (resource, wrapping, cause) => {
      const action = cause === 'created' ? 'wrap' : 'rotate'
      return record(resource, { ...succeeded, action, properties: { ...factsOf(wrapping), cause } })
    },
    reconfigured: (resource, wrapping) =>
      record(resource, { ...succeeded, action: 'configure', properties: factsOf(wrapping) }),
    notWrapped: (resource, error, cause) => {
      const action = cause === 'created' ? 'wrap' : 'rotate'
      return record(resource, {
        action,
        status: 'Failed',
        level: 'Error',
        properties: { ...factsOfError(error), trigger: cause },
      })
    },
    refused: (resource, refusal) =>
      record(resource, {
        action: 'refused',
        status: 'Failed',
        level: 'Error',
        properties: factsOfError(refusal),
      }),
    restored: (resource, wrapping) =>
      record(resource, { ...succeeded, action: 'restored', properties: factsOf(wrapping) }),
    async flush() {
      await Promise.all(writing)
    },
  }
}

const levelOf = { Informational: 'info', Warning: 'warn', Error: 'error' } as const

function factsOf(wrapping: Wrapping): JsonObject {
  const { protection, versionedKey } = wrapping
  const facts = {
    source: protection.source,
    generation: wrapping.generation,
    wrapping: fingerprintOf(wrapping),
  }
  if (protection.source === 'service' || versionedKey === null) return facts
  const { principalId, clientId, isSystem } = protection.identity
  return {
    ...facts,
    keyIdentifier: formatKeyIdentifier(protection.key),
    versionedKeyIdentifier: formatKeyIdentifier(versionedKey),
    identity: { principalId, clientId, isSystem },
    ...(protection.federated !== undefined && { federatedClientId: protection.federated.clientId }),
  }
}

function factsOfError(error: unknown): JsonObject {
  if (!isKeyringFault(error)) return { cause: 'no-answer', message: messageOf(error) }
  return { fault: error.code, ...(error.facts as unknown as JsonObject) }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'unknown'
}

/** `Microsoft.ContainerRegistry/registries` of an ARM id, of whose segments every second one is a name. */
function typeOf(resourceId: string): string {
  const [namespace = '', ...rest] = (resourceId.split(/\/providers\//i).at(-1) ?? '').split('/')
  return [namespace, ...rest.filter((_, at) => at % 2 === 0)].join('/')
}
