import type { Clock } from '../../kernel/clock.ts'
import { Outage } from '../../kernel/fault.ts'
import { SECOND_MS } from '../../kernel/units.ts'
import type { Log } from '../../observe/log.ts'
import type { KeySecretsRepository } from '../../store/records/key-secrets/key-secrets.ts'
import type { WrappingsRepository } from '../../store/records/wrappings/wrappings.ts'
import type { ActivityLog } from '../activity/activity.ts'
import { type ChangeDeps, changeKey, createKey, followNewestVersion } from './change-key.ts'
import { Epochs } from './epochs.ts'
import { keyActivity } from './key-activity.ts'
import { type VaultKind, formatKeyIdentifier } from './key-id.ts'
import type { Keyring, ProtectionState } from './keyring.ts'
import type { KeyHolder, LeaseClock, TokenSource } from './ports.ts'
import { openRootKey } from './root-key-wrapping.ts'
import { serviceRecordsCache } from './service-records.ts'
import { SlotLease } from './slot-lease.ts'
import { Slots } from './slots.ts'
import { VersionFollower } from './version-follower.ts'
import { abortable, Limiter, Serial } from './waiting.ts'
import { fingerprintOf, type Wrapping } from './wrapping-record.ts'
import { type WrappingStore, openWrappingStore } from './wrapping-store.ts'

export interface KeyringDeps {
  readonly keyHolder: KeyHolder
  readonly tokens: TokenSource
  readonly vaults: readonly VaultKind[]
  /** In keys.db. */
  readonly keySecrets: KeySecretsRepository
  /** In data.db. */
  readonly wrappings: WrappingsRepository
  /** Takes what was deleted out of both databases' logs. */
  readonly scrub: () => Promise<void>
  /** For leases only. */
  readonly clock: LeaseClock
  /** For what is written down. */
  readonly now: Clock
  readonly activity: ActivityLog
  readonly settings: KeyringSettings
  readonly log: Pick<Log, 'info' | 'warn' | 'error'>
}

export interface KeyringSettings {
  /** The published bound: so long after the key was taken away, nothing opens any more. */
  readonly leaseMs: number
  /** How long the vault may take to answer. Less than half a lease, or one lost answer is noticed. */
  readonly renewalDeadlineMs: number
  /** How long a refusal is answered from memory. At most 1000: so late is a key that was given back noticed without a push. */
  readonly refusalMemoryMs: number
}

export type OpenKeyring = Keyring & AsyncDisposable

/** So few unwraps are under way at a time, whatever a push has ended: a vault's limits are not met by a stampede of ours. */
const MAX_RENEWALS_AT_ONCE = 32

/** Ends first what a crash left in the middle of a change of key. */
export async function openKeyring(deps: KeyringDeps): Promise<OpenKeyring> {
  if (deps.settings.refusalMemoryMs > SECOND_MS)
    throw new RangeError('a refusal is remembered for a second at most')
  const store = openWrappingStore(deps)
  await store.settleAll()
  const { slots, changes, follower, close } = assemble(deps, store)
  const serviceRecords = serviceRecordsCache(deps.keySecrets)
  const stateOf = (uid: string, wrapping: Wrapping): ProtectionState => {
    const rotationFailure = follower.failureOf(uid)
    return {
      protection: wrapping.protection,
      versionedKeyId: wrapping.versionedKey === null ? null : formatKeyIdentifier(wrapping.versionedKey),
      lastRotatedAt: wrapping.lastRotatedAt,
      keyExpiresAt: wrapping.keyExpiresAt,
      wrappingFingerprint: fingerprintOf(wrapping),
      refusal: slots.find(uid)?.refusal ?? null,
      ...(rotationFailure !== undefined && { rotationFailure }),
    }
  }
  return {
    create: async (resource, protection, signal) =>
      stateOf(resource.uid, await createKey(changes, resource, protection, signal)),
    change: async (resource, to, signal) =>
      stateOf(resource.uid, await changeKey(changes, resource, to, signal)),
    state: async (resource) => stateOf(resource.uid, (await store.read(resource)).wrapping),
    async open(resource, signal) {
      const slot = slots.of(resource)
      while (slot.use() === null) await abortable(slot.renew(), signal)
      return new SlotLease(slot)
    },
    serviceRecords: (resource) => serviceRecords.open(resource),
    destroy: (resource) =>
      changes.serial.run(resource.uid, async () => {
        slots.close(resource)
        serviceRecords.forget(resource.uid)
        follower.forget(resource.uid)
        await store.remove(resource.uid)
      }),
    [Symbol.asyncDispose]: close,
  }
}

interface Parts {
  readonly slots: Slots
  readonly changes: ChangeDeps
  readonly follower: VersionFollower
  readonly close: () => Promise<void>
}

/** Leases, changes of key and followed versions, each of which tells the others what they must hear. */
function assemble(deps: KeyringDeps, store: WrappingStore): Parts {
  const { keyHolder, keySecrets, settings, clock, log } = deps
  const closing = new AbortController()
  const keys = {
    keyHolder,
    tokens: deps.tokens,
    vaults: deps.vaults,
    deadlineMs: settings.renewalDeadlineMs,
    tokenLifetimeMs: settings.leaseMs,
  }
  const serial = new Serial()
  const activity = keyActivity(deps.activity, log)
  const common = { activity, now: () => deps.now.now(), closing: closing.signal, log }
  const epochs = new Epochs()
  const follower = new VersionFollower({
    ...common,
    keySecrets,
    followNewest: (resource, signal) => followNewestVersion(changes, resource, signal),
  })
  const slots = new Slots({
    ...settings,
    ...common,
    clock,
    epochs,
    limiter: new Limiter(MAX_RENEWALS_AT_ONCE),
    read: (resource) => store.read(resource),
    openRootKey: (resource, held, signal) => openRootKey(keys, resource, held, signal),
    renewed(resource, { secrets, wrapping }) {
      // After a change that is under way, which leaves nothing to settle.
      if (!secrets.isSettled) void serial.run(resource.uid, () => store.settle(resource))
      follower.renewed(resource, wrapping)
    },
  })
  const changes: ChangeDeps = {
    ...common,
    store,
    keys,
    epochs,
    clock,
    serial,
    leaseMs: settings.leaseMs,
    adopt(resource, grant, wrapping, isCurrent) {
      slots.of(resource).adopt(grant, wrapping, isCurrent)
      follower.forget(resource.uid)
    },
    versionFollowed: (resource, failure) => follower.followed(resource, failure),
  }
  const watch = keyHolder.watch((change) => {
    // A new version takes nothing away from the older ones: leases go on.
    if (change.kind === 'key-version-created') {
      follower.pushed(change)
      return
    }
    epochs.raise(change)
    slots.touch(change)
  })
  const close = async () => {
    watch[Symbol.dispose]()
    closing.abort(new Outage('the keyring is closed'))
    slots.closeAll()
    await follower.close()
    await activity.flush()
  }
  return { slots, changes, follower, close }
}
