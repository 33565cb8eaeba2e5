import { type RequestHead, operation, queryValue } from '../../../http/operation.ts'
import { DAY_MS } from '../../../kernel/units.ts'
import { leaseStateOf } from '../../../services/blob/lease.ts'
import type { ListedContainer } from '../../../services/blob/list-containers.ts'
import type { StorageAccount } from '../../../services/storage/storage-account.ts'
import type { StorageCaller } from '../../../services/storage/storage-caller.ts'
import { type XmlElement, xmlReply } from '../../shared/xml.ts'
import { shownScope } from '../container-request.ts'
import type { BlobWireDeps } from '../deps.ts'
import { httpDate, quoted } from '../headers.ts'
import { includesOf, maxResultsOf } from '../listing.ts'
import { isSystemContainer } from '../names.ts'
import { type BlobNeeds, type BlobOperation, needs } from '../needs.ts'

/** https://learn.microsoft.com/rest/api/storageservices/list-containers2 */
export function listContainersOperation({ blobs, clock, endpointOf }: BlobWireDeps): BlobOperation {
  return operation<StorageCaller, BlobNeeds, '/'>({
    id: 'ListContainers',
    method: 'GET',
    path: '/',
    query: { comp: 'list' },
    needs: needs.listContainers,
    body: { kind: 'none' },
    async run({ head, caller: { account } }) {
      const include = includesOf(head, includable)
      const { items, next } = await blobs.listContainers(account, {
        prefix: queryValue(head, 'prefix') ?? '',
        from: fromOf(head, account),
        limit: maxResultsOf(head),
        withDeleted: include.has('deleted'),
      })
      const shown = items.filter(({ name }) => include.has('system') || !isSystemContainer(name))
      const now = clock.now().getTime()
      return xmlReply([
        'EnumerationResults',
        [
          ...echoed(head),
          ['Containers', shown.map((item) => containerXml(item, { account, include, now }))],
          ['NextMarker', next === null ? null : `/${account.name}/${next}`],
        ],
        { ServiceEndpoint: endpointOf(head) },
      ])
    },
  })
}

const includable: ReadonlySet<string> = new Set(['metadata', 'deleted', 'system'])

function echoed(head: RequestHead): readonly XmlElement[] {
  return ['Prefix', 'Marker', 'MaxResults'].flatMap((name): readonly XmlElement[] => {
    const value = queryValue(head, name) ?? ''
    return value === '' ? [] : [[name, value]]
  })
}

/** As we wrote it, or a name. */
function fromOf(head: RequestHead, { name }: StorageAccount): string {
  const marker = queryValue(head, 'marker') ?? ''
  const own = `/${name}/`
  return marker.startsWith(own) ? marker.slice(own.length) : marker
}

interface Shown {
  readonly account: StorageAccount
  readonly include: ReadonlySet<string>
  readonly now: number
}

function containerXml(container: ListedContainer, { account, include, now }: Shown): XmlElement {
  const { name, doc, deletedAt } = container
  const deletion: readonly XmlElement[] =
    deletedAt === null
      ? []
      : [
          ['Deleted', true],
          ['Version', doc.deletedVersion],
        ]
  return [
    'Container',
    [
      ['Name', name],
      ...deletion,
      ['Properties', propertiesXml(container, { account, now })],
      ...(include.has('metadata') ? [['Metadata', Object.entries(doc.metadata)] as const] : []),
    ],
  ]
}

function propertiesXml(
  { doc, deletedAt, scopeName }: ListedContainer,
  { account, now }: Omit<Shown, 'include'>,
): readonly XmlElement[] {
  const state = leaseStateOf(doc.lease, now)
  const duration = doc.lease?.durationSeconds === null ? 'infinite' : 'fixed'
  return [
    ['Last-Modified', httpDate(doc.modifiedAt)],
    ['Etag', quoted(doc.etag)],
    ['LeaseStatus', state === 'leased' || state === 'breaking' ? 'locked' : 'unlocked'],
    ['LeaseState', state],
    ...optional(state === 'leased', 'LeaseDuration', duration),
    ...optional(doc.publicAccess !== 'none', 'PublicAccess', doc.publicAccess),
    ['DefaultEncryptionScope', shownScope(scopeName)],
    ['DenyEncryptionScopeOverride', doc.deniesScopeOverride],
    ['HasImmutabilityPolicy', doc.immutability !== null],
    ['HasLegalHold', doc.legalHoldTags.length > 0],
    ['ImmutableStorageWithVersioningEnabled', doc.hasVersionImmutability],
    ...(deletedAt === null ? [] : deletionXml(deletedAt, account, now)),
  ]
}

function deletionXml(deletedAt: number, { blobService }: StorageAccount, now: number): readonly XmlElement[] {
  const days = blobService.containerDeleteRetentionDays ?? 0
  return [
    ['DeletedTime', httpDate(deletedAt)],
    ['RemainingRetentionDays', Math.max(0, days - Math.floor((now - deletedAt) / DAY_MS))],
  ]
}

function optional(isShown: boolean, name: string, value: string): readonly XmlElement[] {
  return isShown ? [[name, value]] : []
}
