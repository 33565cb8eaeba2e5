import { operation } from '../../../http/operation.ts'
import { type Guid, parseGuid } from '../../../kernel/guid.ts'
import { BlobFault } from '../../../services/blob/faults.ts'
import { type DelegationKey, issueDelegationKey } from '../../../services/storage/delegation-keys.ts'
import { parseSasTime } from '../../../services/storage/sas.ts'
import type { StorageCaller } from '../../../services/storage/storage-caller.ts'
import { type XmlElement, type XmlNode, childText, parseXml, xmlReply } from '../../shared/xml.ts'
import type { BlobWireDeps } from '../deps.ts'
import { versionOf } from '../headers.ts'
import { type BlobNeeds, type BlobOperation, needs } from '../needs.ts'

const MAX_BYTES = 16 * 1024

/** https://learn.microsoft.com/rest/api/storageservices/get-user-delegation-key */
export function userDelegationKeyOperation({ delegationKeys: keys, clock }: BlobWireDeps): BlobOperation {
  return operation<StorageCaller, BlobNeeds, '/'>({
    id: 'GetUserDelegationKey',
    method: 'POST',
    path: '/',
    query: { restype: 'service', comp: 'userdelegationkey' },
    needs: needs.issueDelegationKey,
    body: { kind: 'raw', maxBytes: MAX_BYTES },
    async run({ head, caller, body }) {
      const wanted = { ...readKeyInfo(body.raw), version: versionOf(head) }
      return xmlReply(keyXml(issueDelegationKey({ keys, clock }, caller, wanted)))
    },
  })
}

function readKeyInfo(raw: Uint8Array) {
  const root = parseXml(raw)
  if (root?.name !== 'KeyInfo') throw new BlobFault('document-invalid', { reason: 'not KeyInfo' })
  const expiresAt = timeOf(root, 'Expiry')
  if (expiresAt === null) throw new BlobFault('document-node-missing', { name: 'Expiry' })
  return { startsAt: timeOf(root, 'Start'), expiresAt, delegatedTenantId: tenantOf(root, 'DelegatedUserTid') }
}

function timeOf(node: XmlNode, name: string): Date | null {
  const text = childText(node, name)?.trim() ?? ''
  if (text === '') return null
  const time = parseSasTime(text)
  if (time === null) throw new BlobFault('document-value-invalid', { name, value: text })
  return time
}

function tenantOf(node: XmlNode, name: string): Guid | null {
  const text = childText(node, name)?.trim() ?? ''
  if (text === '') return null
  const tenant = parseGuid(text)
  if (tenant === null) throw new BlobFault('document-value-invalid', { name, value: text })
  return tenant
}

function keyXml(key: DelegationKey): XmlElement {
  // Whole seconds: what is signed later must be written the same.
  const time = (date: Date) => date.toISOString().replace('.000Z', 'Z')
  return [
    'UserDelegationKey',
    [
      ['SignedOid', key.principalId],
      ['SignedTid', key.tenantId],
      ['SignedStart', time(key.startsAt)],
      ['SignedExpiry', time(key.expiresAt)],
      ['SignedService', key.service],
      ['SignedVersion', key.version],
      ...(key.delegatedTenantId === null ? [] : [['SignedDelegatedUserTid', key.delegatedTenantId] as const]),
      ['Value', key.value],
    ],
  ]
}
