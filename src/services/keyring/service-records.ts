import { utf8 } from '../../crypto/encoding.ts'
import { RememberingRecordKey } from '../../crypto/opened-records.ts'
import type { RecordKey } from '../../crypto/record-key.ts'
import type { KeySecretsRepository } from '../../store/records/key-secrets/key-secrets.ts'
import type { ProtectedResource, ServiceRecords } from './keyring.ts'
import { refusedWrapping } from './wrapping-record.ts'

const MAX_KEPT = 4096
/** Of each resource: containers and the like, which every request reads. */
const MAX_REMEMBERED = 128

/** Service record keys in memory: they open whatever the customer does, so no lease is on them. */
export function serviceRecordsCache(keySecrets: Pick<KeySecretsRepository, 'find'>) {
  /** In the order of their first use. */
  const kept = new Map<string, ServiceRecords>()
  return {
    /** @throws KeyringFault `wrapping-refused` when the keys store does not know the resource */
    async open(resource: ProtectedResource): Promise<ServiceRecords> {
      const known = kept.get(resource.uid)
      if (known !== undefined) return known
      const secrets = await keySecrets.find(resource.uid)
      if (secrets === null) throw refusedWrapping(resource, 'the keys store does not know the resource')
      const opened = recordsUnder(secrets.serviceRecordKey)
      const oldest = kept.size < MAX_KEPT ? undefined : kept.keys().next().value
      if (oldest !== undefined) kept.delete(oldest)
      kept.set(resource.uid, opened)
      return opened
    },
    forget(uid: string): void {
      kept.delete(uid)
    },
  }
}

/** What others seal under the key never opens as the settings of a wrapping, which are sealed under it too. */
function recordsUnder(key: RecordKey): ServiceRecords {
  const records = new RememberingRecordKey(key, MAX_REMEMBERED)
  const indexKey = key.deriveMacKey()
  return {
    seal: (context, plain) => records.seal(`service/${context}`, plain),
    open: (context, sealed) => records.open(`service/${context}`, sealed),
    openJson: (context, sealed) => records.openJson(`service/${context}`, sealed),
    openInPassing: (context, sealed) => key.open(`service/${context}`, sealed),
    indexOf: (context, value) => indexKey.mac(`service/${context}`, utf8(value)),
    wrapExtentKey: (context, extentKey) => key.wrap(`service/${context}`, extentKey),
    unwrapExtentKey: (context, wrapped) => key.unwrapExtentKey(`service/${context}`, wrapped),
  }
}
