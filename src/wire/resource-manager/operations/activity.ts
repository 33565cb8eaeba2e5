import { queryValue } from '../../../http/operation.ts'
import type { Clock } from '../../../kernel/clock.ts'
import { DAY_MS, HOUR_MS } from '../../../kernel/units.ts'
import type { Activity, TimeRange } from '../../../services/activity/open-activity.ts'
import { refused } from '../../../services/resources/faults.ts'
import { groupId } from '../../../services/resources/resource-id.ts'
import type { Resources } from '../../../services/resources/resources.ts'
import { type Condition, parseFilter, valueOf } from '../filters.ts'
import { pageBody, readPage } from '../paging.ts'
import { sessionOf, subscriptionOf } from '../session.ts'
import { type ArmOperation, armOperation } from './arm-operation.ts'

export interface ActivityOperationDeps {
  readonly resources: Pick<Resources, 'getSubscription'>
  readonly activity: Activity
  readonly clock: Clock
}

/** As az asks without `--offset`. */
const DEFAULT_RANGE_MS = 6 * HOUR_MS
const AUDIT_RANGE_MS = 90 * DAY_MS

export function activityOperations({
  resources,
  activity,
  clock,
}: ActivityOperationDeps): readonly ArmOperation[] {
  return [
    // https://learn.microsoft.com/rest/api/monitor/activity-logs/list
    armOperation({
      id: 'ListActivityLog',
      method: 'GET',
      path: '/subscriptions/{subscription}/providers/Microsoft.Insights/eventtypes/management/values',
      async run(call) {
        const { caller } = sessionOf(call)
        const { subscriptionId } = await resources.getSubscription(caller, subscriptionOf(call.params))
        const conditions = parseFilter(queryValue(call.head, '$filter'), eventNames)
        const page = readPage(call.head)
        const found = await activity.listEvents(
          caller,
          {
            subscriptionId,
            scope: scopeOf(subscriptionId, conditions),
            ...readRange(conditions, clock, DEFAULT_RANGE_MS),
          },
          { limit: page.limit, after: readCursor(page.after) },
        )
        const next = found.next === null ? null : `${found.next.at}|${found.next.id}`
        const kept = found.items.filter((event) =>
          ['correlationid', 'caller'].every((name) => {
            const wanted = valueOf(conditions, name)
            return wanted === undefined || event[name === 'caller' ? 'caller' : 'correlationId'] === wanted
          }),
        )
        return { status: 200, body: pageBody(call.head, kept, next) }
      },
    }),
    // docs/adr: the AuditEvent log without a storage account to export it to.
    armOperation({
      id: 'ListAuditEvents',
      method: 'GET',
      path: '/{resource+}/providers/Strongroom.Audit/auditEvents',
      async run(call) {
        const conditions = parseFilter(queryValue(call.head, '$filter'), ['eventtimestamp'])
        const { caller } = sessionOf(call)
        const vaultId = `/${call.params.resource}`
        await resources.getSubscription(caller, vaultId.split('/')[2] ?? '')
        const page = readPage(call.head)
        const found = await activity.listAudit(
          caller,
          { vaultId, ...readRange(conditions, clock, AUDIT_RANGE_MS) },
          { limit: page.limit, after: readSequence(page.after) },
        )
        const next = found.next === null ? null : String(found.next)
        return { status: 200, body: pageBody(call.head, found.items, next) }
      },
    }),
  ]
}

const eventNames = [
  'eventtimestamp',
  'resourcegroupname',
  'resourceid',
  'resourceuri',
  'correlationid',
  'caller',
  'eventchannels',
]

function scopeOf(subscriptionId: string, conditions: readonly Condition[]): string {
  const resource = valueOf(conditions, 'resourceid') ?? valueOf(conditions, 'resourceuri')
  const group = valueOf(conditions, 'resourcegroupname')
  const scope = `/subscriptions/${subscriptionId}`
  if (resource === undefined) return group === undefined ? scope : groupId(subscriptionId, group)
  const isInside = `${resource}/`.toLowerCase().startsWith(`${scope}/`)
  if (isInside) return resource.replace(/\/+$/, '')
  throw refused(400, 'InvalidFilterInQueryString', 'The resource of the filter is not of this subscription.')
}

function readRange(conditions: readonly Condition[], clock: Clock, defaultMs: number): TimeRange {
  const to = readTime(valueOf(conditions, 'eventtimestamp', 'le')) ?? clock.now()
  const from = readTime(valueOf(conditions, 'eventtimestamp', 'ge'))
  return { to, from: from ?? new Date(to.getTime() - defaultMs) }
}

/** az leaves the zone out and means UTC. */
function readTime(text: string | undefined): Date | null {
  if (text === undefined) return null
  const hasZone = /(Z|[+-]\d\d:?\d\d)$/i.test(text)
  const time = new Date(hasZone || !text.includes('T') ? text : `${text}Z`)
  if (!Number.isNaN(time.getTime())) return time
  throw refused(400, 'InvalidFilterInQueryString', `'${text.slice(0, 100)}' is not a time.`)
}

function readCursor(after: string | null): { readonly at: number; readonly id: string } | null {
  if (after === null) return null
  const found = /^(\d{1,15})\|([0-9a-f-]{36})$/.exec(after)
  if (found?.[1] === undefined || found[2] === undefined) throw invalidToken()
  return { at: Number(found[1]), id: found[2] }
}

function readSequence(after: string | null): number | null {
  if (after === null) return null
  if (/^\d{1,15}$/.test(after)) return Number(after)
  throw invalidToken()
}

function invalidToken() {
  return refused(400, 'InvalidSkipToken', 'The skip token is not one of ours.')
}
