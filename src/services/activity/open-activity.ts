import type { MacKey } from '../../crypto/mac-key.ts'
import { randomGuid } from '../../crypto/random.ts'
import type { RecordKey } from '../../crypto/record-key.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { Guid } from '../../kernel/guid.ts'
import type { JsonObject } from '../../kernel/json.ts'
import type { Page } from '../../kernel/page.ts'
import { type ActivityCursor, activityRows } from '../../store/records/activity/activity-rows.ts'
import { auditRows } from '../../store/records/activity/audit-rows.ts'
import type { ActivityTables } from '../../store/records/activity/tables.ts'
import type { Records } from '../../store/records/records.ts'
import type { AccessService } from '../access/access-service.ts'
import type { Caller } from '../directory/caller.ts'
import type { ActivityLog, VaultAudit } from './activity.ts'
import { presentEvent, toEventDocument } from './event-document.ts'
import { presentAudit, toAuditDocument } from './audit-document.ts'

export interface ActivityDeps {
  readonly records: Pick<Records<ActivityTables>, 'read' | 'write'>
  readonly recordKey: RecordKey
  /** Chains the audit log's rows. */
  readonly auditKey: MacKey
  readonly access: Pick<AccessService, 'authorize'>
  readonly clock: Clock
}

export interface TimeRange {
  readonly from: Date
  readonly to: Date
}

export interface Activity {
  readonly log: ActivityLog
  readonly audit: VaultAudit

  /**
   * The activity log of a subscription, a group or a resource, the latest first, in the log's wire form.
   * https://learn.microsoft.com/rest/api/monitor/activity-logs/list
   * @throws AccessFault `denied`
   */
  listEvents(
    caller: Caller,
    search: TimeRange & { readonly subscriptionId: Guid; readonly scope: string },
    page: { readonly after: ActivityCursor | null; readonly limit: number },
  ): Promise<Page<JsonObject, ActivityCursor>>

  /**
   * A vault's AuditEvent log, the earliest first, in the form that diagnostic settings export. The vault itself may be
   * gone.
   * @throws AccessFault `denied`
   */
  listAudit(
    caller: Caller,
    search: TimeRange & { readonly vaultId: string },
    page: { readonly after: number | null; readonly limit: number },
  ): Promise<Page<JsonObject, number>>

  /** The number of the first audit row that is not as it was written; null when all are. */
  findAuditBreak(): Promise<number | null>
}

/** What it takes to read the logs: `Reader` has both. */
const READ_EVENTS = 'Microsoft.Insights/eventtypes/values/read'
const READ_AUDIT = 'Microsoft.Insights/logs/read'

export function openActivity({ records, recordKey, auditKey, access, clock }: ActivityDeps): Activity {
  const events = activityRows({ records, recordKey })
  const audit = auditRows({ records, recordKey, macKey: auditKey })
  return {
    log: {
      async record(event) {
        await events.append({
          id: randomGuid(),
          at: clock.now(),
          resourceKey: event.resourceId.toLowerCase(),
          document: toEventDocument(event),
        })
      },
    },
    audit: {
      async record(event) {
        await audit.append({
          at: clock.now(),
          vaultKey: event.vaultId.toLowerCase(),
          document: toAuditDocument(event),
        })
      },
    },
    async listEvents(caller, search, page) {
      await access.authorize(caller, READ_EVENTS, search.scope)
      const found = await events.list({ ...search, scopeKey: search.scope.toLowerCase() }, page)
      return { items: found.items.map(presentEvent), next: found.next }
    },
    async listAudit(caller, { vaultId, from, to }, page) {
      await access.authorize(caller, READ_AUDIT, vaultId)
      const found = await audit.list({ vaultKey: vaultId.toLowerCase(), from, to }, page)
      return { items: found.items.map(presentAudit), next: found.next }
    },
    findAuditBreak: () => audit.findBreak(),
  }
}
