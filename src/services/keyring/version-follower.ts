import { HOUR_MS } from '../../kernel/units.ts'
import type { Log } from '../../observe/log.ts'
import type { KeySecretsRepository } from '../../store/records/key-secrets/key-secrets.ts'
import type { KeyActivity } from './key-activity.ts'
import { keyLookup } from './key-id.ts'
import { isKeyringFault } from './fault-kinds.ts'
import type { ProtectedResource, ProtectionState } from './keyring.ts'
import type { KeyChange } from './ports.ts'
import { Limiter } from './waiting.ts'
import type { Wrapping } from './wrapping-record.ts'

export interface FollowerDeps {
  readonly keySecrets: Pick<KeySecretsRepository, 'listFollowing'>
  readonly followNewest: (resource: ProtectedResource, signal: AbortSignal) => Promise<void>
  readonly activity: KeyActivity
  readonly now: () => Date
  readonly closing: AbortSignal
  readonly log: Pick<Log, 'warn'>
}

/** So few that customers' requests do not wait for them when a key that protects thousands of resources is rotated. */
const MAX_AT_ONCE = 4
const PAGE = 100

/**
 * Takes up new versions of keys that are named without one: at the push, for resources in use or not; at each renewal; and
 * once an hour for all, since a vault of somebody else's pushes nothing.
 */
export class VersionFollower {
  readonly #deps: FollowerDeps
  readonly #limiter = new Limiter(MAX_AT_ONCE)
  /** By uid: never two at a time for one resource. */
  readonly #running = new Map<string, { readonly ended: Promise<unknown>; again: boolean }>()
  readonly #sweeps = new Set<Promise<void>>()
  readonly #failures = new Map<string, NonNullable<ProtectionState['rotationFailure']>>()
  readonly #timer: NodeJS.Timeout

  constructor(deps: FollowerDeps) {
    this.#deps = deps
    this.#timer = setInterval(() => this.#sweep(null), HOUR_MS).unref()
  }

  failureOf(uid: string): ProtectionState['rotationFailure'] {
    return this.#failures.get(uid)
  }

  pushed({ vaultUrl, keyName }: KeyChange): void {
    if (vaultUrl !== null && keyName !== null) this.#sweep(keyLookup({ vaultUrl, name: keyName }))
  }

  renewed(resource: ProtectedResource, { protection }: Wrapping): void {
    if (protection.source === 'customer' && protection.key.version === null)
      void this.#follow(resource, 'once')
  }

  /** Told by whoever tried; recorded when it is news. */
  followed(resource: ProtectedResource, failure: unknown): void {
    const known = this.#failures.get(resource.uid)
    if (failure === null) {
      this.#failures.delete(resource.uid)
      return
    }
    const message = wordsOf(failure)
    if (known?.message !== message) void this.#deps.activity.notWrapped(resource, failure, 'new-key-version')
    this.#failures.set(resource.uid, { message, at: this.#deps.now() })
  }

  forget(uid: string): void {
    this.#failures.delete(uid)
  }

  /** Ends when all that was under way has. */
  async close(): Promise<void> {
    clearInterval(this.#timer)
    await Promise.all([...this.#sweeps, ...[...this.#running.values()].map(({ ended }) => ended)])
  }

  #sweep(key: string | null): void {
    const swept = this.#followAll(key)
      .catch((error: unknown) => {
        if (!this.#deps.closing.aborted)
          this.#deps.log.warn({ error }, 'new key versions could not be looked for')
      })
      .finally(() => this.#sweeps.delete(swept))
    this.#sweeps.add(swept)
  }

  async #followAll(key: string | null): Promise<void> {
    for (let after = ''; !this.#deps.closing.aborted;) {
      const { items, next } = await this.#deps.keySecrets.listFollowing(key, after, PAGE)
      await Promise.all(items.map((owner) => this.#follow(owner, 'anew')))
      if (next === null) return
      after = next
    }
  }

  /** Never fails. @param how `anew` looks again when a look is under way: that one may have begun too early */
  #follow(resource: ProtectedResource, how: 'once' | 'anew'): Promise<unknown> {
    const running = this.#running.get(resource.uid)
    if (running !== undefined) {
      if (how === 'anew') running.again = true
      return running.ended
    }
    const { promise: ended, resolve } = Promise.withResolvers<null>()
    this.#running.set(resource.uid, { ended, again: true })
    void this.#look(resource).finally(() => {
      this.#running.delete(resource.uid)
      resolve(null)
    })
    return ended
  }

  async #look(resource: ProtectedResource): Promise<void> {
    const { followNewest, closing, log } = this.#deps
    const state = this.#running.get(resource.uid)
    try {
      while (state?.again === true && !closing.aborted) {
        state.again = false
        await this.#limiter.run(closing, () => followNewest(resource, closing))
      }
    } catch (error) {
      const { resourceId } = resource
      if (!closing.aborted) log.warn({ resourceId, error }, 'a new key version could not be looked for')
    }
  }
}

function wordsOf(failure: unknown): string {
  if (!isKeyringFault(failure)) return failure instanceof Error ? failure.message : 'no answer'
  const { facts } = failure
  if ('message' in facts) return facts.message
  return 'missing' in facts ? `the newest version lacks: ${facts.missing.join(', ')}` : facts.reason
}
