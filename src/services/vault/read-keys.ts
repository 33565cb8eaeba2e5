import type { Endpoints } from '../../kernel/endpoints.ts'
import type { Page } from '../../kernel/page.ts'
import type { KeyRecords } from '../../store/records/vault/key-records.ts'
import { VaultFault } from './faults.ts'
import type { AdmittedCall } from './session.ts'
import { type StoredVersion, type VaultKey, shownKey, shownVersion } from './vault-key.ts'

export interface PageRequest {
  /** What the page before gave as `next`. */
  readonly after: string | null
  readonly limit: number
}

export interface ReadKeys {
  /** Of a live key; `version` null is the newest. @throws VaultFault `key-not-found` */
  get(call: AdmittedCall, name: string, version: string | null): Promise<VaultKey>
  /** The newest versions, by name. */
  list(call: AdmittedCall, which: 'live' | 'deleted', page: PageRequest): Promise<Page<VaultKey>>
  /** Oldest first. A missing key has no versions: an empty page, as in Azure. */
  listVersions(call: AdmittedCall, name: string, page: PageRequest): Promise<Page<VaultKey>>
}

export function readKeys(deps: { readonly records: KeyRecords; readonly endpoints: Endpoints }): ReadKeys {
  const { records, endpoints } = deps
  return {
    async get(call, name, version) {
      const found = await findLive(records, call, name, version)
      call.touches(`keys/${found.name}/${found.version.version}`)
      return shownVersion(endpoints, call.vault, found)
    },
    async list({ vault }, which, page) {
      const { items, next } = await records.list(vault.uid, which, page)
      return { items: items.map((key) => shownKey(endpoints, vault, key)), next }
    },
    async listVersions({ vault }, name, page) {
      const { items, next } = await records.listVersions(vault.uid, name, page)
      return { items: items.map((item) => shownVersion(endpoints, vault, item)), next }
    },
  }
}

/** @throws VaultFault `key-not-found` */
export async function findLive(
  records: Pick<KeyRecords, 'findVersion'>,
  { vault }: AdmittedCall,
  name: string,
  version: string | null,
): Promise<{ readonly name: string; readonly version: StoredVersion }> {
  const found = await records.findVersion(vault.uid, name, version?.toLowerCase() ?? null)
  if (found === null) throw new VaultFault('key-not-found', { name, version })
  return found
}
