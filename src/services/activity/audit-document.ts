import { azureTime } from '../../kernel/clock.ts'
import type { Json, JsonObject } from '../../kernel/json.ts'
import type { AuditRow } from '../../store/records/activity/audit-rows.ts'
import type { VaultAuditEvent } from './activity.ts'
import { callerDocument, claimsOf, textOf } from './event-document.ts'

export function toAuditDocument(event: VaultAuditEvent): JsonObject {
  return { ...event, caller: event.caller === null ? null : callerDocument(event.caller) }
}

/** https://learn.microsoft.com/azure/key-vault/general/logging#interpret-your-key-vault-logs */
export function presentAudit({ at, document }: AuditRow): JsonObject {
  const status = numberOf(document['status'])
  const refusal = document['refusal'] ?? null
  const caller = document['caller'] as JsonObject | null
  const isSuccess = status < 400
  return {
    time: azureTime(at),
    resourceId: textOf(document['vaultId']).toUpperCase(),
    operationName: document['operation'] ?? null,
    operationVersion: document['apiVersion'] ?? null,
    category: 'AuditEvent',
    resultType: isSuccess ? 'Success' : 'Failed',
    resultSignature: isSuccess ? 'OK' : String(status),
    resultDescription: refusal,
    durationMs: String(numberOf(document['durationMs'])),
    callerIpAddress: document['callerAddress'] ?? null,
    correlationId: document['correlationId'] ?? null,
    identity: caller === null ? {} : { claim: claimsOf(caller) },
    properties: {
      clientInfo: document['clientInfo'] ?? null,
      id: document['object'] ?? null,
      httpStatusCode: status,
    },
  }
}

function numberOf(value: Json | undefined): number {
  return typeof value === 'number' ? value : 0
}
