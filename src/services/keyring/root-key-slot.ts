import type { Log } from '../../observe/log.ts'
import { Outage } from '../../kernel/fault.ts'
import { type Epochs, isTouched } from './epochs.ts'
import { Grant, type OpenedKeys } from './grant.ts'
import type { KeyActivity } from './key-activity.ts'
import { isKeyRefused, isKeyringFault } from './fault-kinds.ts'
import { LeaseEnded, type ProtectedResource, type ProtectionState } from './keyring.ts'
import { LeaseTime } from './lease-time.ts'
import type { KeyChange, LeaseClock } from './ports.ts'
import type { Wrapping } from './wrapping-record.ts'
import type { Held } from './wrapping-store.ts'
import { type Limiter, withDeadline } from './waiting.ts'

export interface SlotDeps {
  readonly clock: LeaseClock
  readonly leaseMs: number
  /** For a whole renewal, its wait for a turn included. */
  readonly renewalDeadlineMs: number
  /** How long a failure to renew is answered from memory. */
  readonly refusalMemoryMs: number
  readonly now: () => Date
  readonly read: (resource: ProtectedResource) => Promise<Held>
  readonly openRootKey: (resource: ProtectedResource, held: Held, signal: AbortSignal) => Promise<OpenedKeys>
  readonly epochs: Epochs
  readonly limiter: Limiter
  readonly activity: KeyActivity
  /** After each renewal. */
  readonly renewed: (resource: ProtectedResource, held: Held) => void
  readonly closing: AbortSignal
  readonly log: Pick<Log, 'warn'>
}

/** How often an answer that a push overtook is asked for again before the vault counts as not answering. */
const MAX_ASKS = 5

/** One resource's root key in this process: in memory only while `#grant` lives. */
export class RootKeySlot {
  readonly #deps: SlotDeps
  readonly #resource: ProtectedResource
  #grant: Grant | null = null
  /** The customer's key that the wrapping last read is under. */
  #key: { readonly vaultUrl: string; readonly name: string } | null = null
  /** An answer for an older wrapping than this is not taken any more. */
  #oldest = 0
  #renewal: Promise<void> | null = null
  #failure: { readonly error: unknown; readonly since: LeaseTime } | null = null
  #refusal: ProtectionState['refusal'] = null

  constructor(deps: SlotDeps, resource: ProtectedResource) {
    this.#deps = deps
    this.#resource = resource
  }

  /** The latest refusal that no unwrap has followed. */
  get refusal(): ProtectionState['refusal'] {
    return this.#refusal
  }

  get resource(): ProtectedResource {
    return this.#resource
  }

  /** The lease in force, or null. Asks for the next one, in the background, from the half of its life on. */
  use(): Grant | null {
    const grant = this.#grant
    if (grant === null) return null
    if (grant.keys() === null) {
      this.#grant = null
      return null
    }
    if (this.#renewal === null && grant.isPastHalf() && this.#remembered() === null) {
      // A failure is told by `#ask` to all who must hear of it; whoever holds this lease may use it to its end.
      this.renew().catch(() => undefined)
    }
    return grant
  }

  /** @throws what opening threw when the lease is over, or LeaseEnded when nobody has asked since */
  keys(): OpenedKeys {
    const keys = this.use()?.keys()
    if (keys != null) return keys
    const failure = this.#remembered()
    if (failure !== null) throw failure.error
    throw new LeaseEnded('the lease of the root key is over', { retryAfterSeconds: 1 })
  }

  /** One at a time, however many wait. @throws KeyringFault, Outage */
  async renew(): Promise<void> {
    const failure = this.#remembered()
    if (failure !== null) throw failure.error
    this.#renewal ??= this.#ask().finally(() => {
      this.#renewal = null
    })
    await this.#renewal
  }

  /** A push: what it touches ends now, and what failed may be asked anew. */
  touch(change: KeyChange): void {
    if (this.#key === null || !isTouched(this.#key, change)) return
    this.#end()
    this.#failure = null
  }

  /**
   * After a change of key: leases go on under the new wrapping, which was opened just now. A resource that is not in use
   * keeps no key in memory.
   */
  adopt(grant: Grant, wrapping: Wrapping, isCurrent: boolean): void {
    const isInUse = this.use() !== null
    this.#end()
    this.#oldest = grant.generation
    this.#rememberKey(wrapping)
    this.#opened(wrapping)
    if (isInUse && isCurrent && grant.keys() !== null) this.#grant = grant
    else grant.end()
  }

  /** Nothing of the resource opens any more. */
  close(): void {
    this.#oldest = Infinity
    this.#end()
  }

  async #ask(): Promise<void> {
    const { renewalDeadlineMs, closing, limiter, clock } = this.#deps
    try {
      await withDeadline(renewalDeadlineMs, closing, (signal) =>
        limiter.run(signal, async () => {
          for (let asks = 0; asks < MAX_ASKS; asks++) {
            signal.throwIfAborted()
            if (await this.#askOnce(signal)) return
          }
          throw new Outage('the key was changed again and again while it was asked for')
        }),
      )
    } catch (error) {
      this.#failure = { error, since: new LeaseTime(clock) }
      this.#failed(error)
      throw error
    }
  }

  /** @returns false when the answer was overtaken by a push or a change of key, and is worth nothing */
  async #askOnce(signal: AbortSignal): Promise<boolean> {
    const { clock, leaseMs, epochs, read, openRootKey, renewed } = this.#deps
    const held = await read(this.#resource)
    const { wrapping } = held
    if (wrapping.generation < this.#oldest) return false
    const key = this.#rememberKey(wrapping)
    const epoch = key === null ? 0 : epochs.of(key)
    const time = new LeaseTime(clock)
    const isOvertaken = () => (key !== null && epochs.of(key) !== epoch) || wrapping.generation < this.#oldest
    let keys: OpenedKeys
    try {
      keys = await openRootKey(this.#resource, held, signal)
    } catch (error) {
      if (isOvertaken() && !signal.aborted) return false
      throw error
    }
    if (isOvertaken() || signal.aborted) {
      keys.rootKey.destroy()
      return false
    }
    this.#end()
    this.#grant = new Grant(keys, wrapping.generation, time, leaseMs)
    this.#opened(wrapping)
    renewed(this.#resource, held)
    return true
  }

  #rememberKey({ protection }: Wrapping): { readonly vaultUrl: string; readonly name: string } | null {
    this.#key = protection.source === 'customer' ? protection.key : null
    return this.#key
  }

  #opened(wrapping: Wrapping): void {
    this.#failure = null
    if (this.#refusal === null) return
    this.#refusal = null
    void this.#deps.activity.restored(this.#resource, wrapping)
  }

  /** A clear no ends the lease at once; no answer lets it live to its end. */
  #failed(error: unknown): void {
    const { activity, log, now } = this.#deps
    if (!isKeyringFault(error)) {
      log.warn({ resourceId: this.#resource.resourceId, error }, 'the root key could not be asked for')
      return
    }
    this.#end()
    if (!isKeyRefused(error)) {
      log.warn({ resourceId: this.#resource.resourceId, error, ...error.facts }, 'the root key does not open')
      return
    }
    const { cause, message } = error.facts
    if (this.#refusal?.cause !== cause) void activity.refused(this.#resource, error)
    this.#refusal = { cause, message, at: now() }
  }

  #remembered(): { readonly error: unknown } | null {
    if (this.#failure === null) return null
    if (this.#failure.since.elapsedMs() >= this.#deps.refusalMemoryMs) this.#failure = null
    return this.#failure
  }

  #end(): void {
    this.#grant?.end()
    this.#grant = null
  }
}
