import { unixSeconds } from '../../kernel/clock.ts'
import { MINUTE_MS } from '../../kernel/units.ts'
import type { KeyUseRecords } from '../../store/records/vault/key-use-records.ts'
import type { AdmittedCall } from './session.ts'

/** The last unwrap of each version, and by whom: what makes a key "in use". Behind by a minute at most. */
export interface KeyUses {
  /** Does not wait for the disk. */
  note(call: AdmittedCall, key: { readonly name: string; readonly version: string }): void
}

const MAX_REMEMBERED = 10_000

export function openKeyUses(deps: {
  readonly records: Pick<KeyUseRecords, 'recordUse'>
  readonly now: () => Date
  readonly monotonic: () => number
}): KeyUses {
  const keptAt = new Map<string, number>()
  return {
    note({ vault, caller }, { name, version }) {
      const id = `${vault.uid}/${version}`
      const before = keptAt.get(id)
      const now = deps.monotonic()
      if (before !== undefined && now - before < MINUTE_MS) return
      if (keptAt.size >= MAX_REMEMBERED) keptAt.clear()
      keptAt.set(id, now)
      const use = {
        version,
        at: unixSeconds(deps.now()),
        principalId: caller.principalId,
        appId: caller.appId,
        resourceId: caller.trustedForResource,
      }
      deps.records.recordUse(vault.uid, name, use).catch(() => {
        // The unwrap itself is in the audit; this is a convenience, and is tried again at the next one.
        keptAt.delete(id)
      })
    },
  }
}
