import { azureTime } from '../../kernel/clock.ts'
import { type Json, type JsonObject, isJsonObject } from '../../kernel/json.ts'
import type { ActivityRow } from '../../store/records/activity/activity-rows.ts'
import type { Caller } from '../directory/caller.ts'
import type { ActivityEvent } from './activity.ts'

export function toEventDocument(event: ActivityEvent): JsonObject {
  return {
    operation: event.operation,
    status: event.status,
    level: event.level,
    resourceId: event.resourceId,
    caller: event.caller === null ? null : callerDocument(event.caller),
    correlationId: event.correlationId,
    properties: event.properties,
  }
}

/** Who it was, without what belongs to one token only. */
export function callerDocument(caller: Caller): JsonObject {
  return {
    tenantId: caller.tenantId,
    principalId: caller.principalId,
    appId: caller.appId,
    issuer: caller.issuer,
    identityResourceId: caller.identityResourceId,
  }
}

/** https://learn.microsoft.com/azure/azure-monitor/essentials/activity-log-schema */
export function presentEvent({ id, at, document }: ActivityRow): JsonObject {
  const resourceId = textOf(document['resourceId'])
  const operation = textOf(document['operation'])
  const status = textOf(document['status'])
  const caller = document['caller'] as JsonObject | null
  const [, , subscriptionId = '', , resourceGroup = ''] = resourceId.split('/')
  const type = typeOf(resourceId)
  const eventTimestamp = azureTime(at)
  return {
    id: `${resourceId}/events/${id}/ticks/${at.getTime()}`,
    eventDataId: id,
    correlationId: document['correlationId'] ?? null,
    operationId: document['correlationId'] ?? null,
    eventTimestamp,
    submissionTimestamp: eventTimestamp,
    level: document['level'] ?? null,
    channels: 'Operation',
    eventName: localized(status === 'Started' ? 'BeginRequest' : 'EndRequest'),
    category: localized('Administrative'),
    operationName: localized(operation),
    status: localized(status),
    subStatus: localized(''),
    resourceId,
    resourceGroupName: resourceGroup,
    resourceProviderName: localized(type.split('/', 1)[0] ?? ''),
    resourceType: localized(type),
    subscriptionId,
    tenantId: caller?.['tenantId'] ?? null,
    // As Azure shows service principals: by their object id.
    caller: caller?.['principalId'] ?? null,
    claims: caller === null ? {} : claimsOf(caller),
    properties: textsOf(document['properties']),
  }
}

/** Azure's values are strings, and its clients (az) stop at anything else. */
function textsOf(properties: Json | undefined): JsonObject {
  const entries = Object.entries(isJsonObject(properties) ? properties : {})
  return Object.fromEntries(
    entries.map(([name, value]) => [name, typeof value === 'string' ? value : JSON.stringify(value)]),
  )
}

/** The claim names of Azure's logs. */
export function claimsOf(caller: JsonObject): JsonObject {
  return {
    'http://schemas.microsoft.com/identity/claims/objectidentifier': caller['principalId'] ?? null,
    'http://schemas.microsoft.com/identity/claims/tenantid': caller['tenantId'] ?? null,
    appid: caller['appId'] ?? null,
    iss: caller['issuer'] ?? null,
    ...(caller['identityResourceId'] == null ? {} : { xms_mirid: caller['identityResourceId'] }),
  }
}

export function textOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : ''
}

function localized(value: string): JsonObject {
  return { value, localizedValue: value }
}

function typeOf(resourceId: string): string {
  const rest = /\/providers\/(.+)$/i.exec(resourceId)?.[1]
  if (rest === undefined) return 'Microsoft.Resources/subscriptions/resourceGroups'
  const [namespace = '', ...segments] = rest.split('/')
  return [namespace, ...segments.filter((_, index) => index % 2 === 0)].join('/')
}
