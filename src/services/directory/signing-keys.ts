import { TokenSigner } from '../../crypto/token.ts'
import type { Clock } from '../../kernel/clock.ts'
import { DAY_MS, HOUR_MS } from '../../kernel/units.ts'
import type { DirectoryRecords, SigningKeyRow } from '../../store/records/directory/directory-objects.ts'

export interface SigningKeys {
  /** The one that signs. */
  current(): TokenSigner
  /** All under which a token may still verify, by `kid`. */
  all(): ReadonlyMap<string, TokenSigner>
  /** Newest first. */
  newestFirst(): readonly TokenSigner[]
  rotate(): Promise<void>
}

/** No token lives longer than a day; the hour is for clocks that disagree. */
const MAX_USE_AFTER_SUCCESSOR_MS = DAY_MS + HOUR_MS

/** Makes the first key when there is none. */
export async function openSigningKeys({
  records,
  clock,
}: {
  readonly records: Pick<DirectoryRecords, 'listSigningKeys' | 'commit'>
  readonly clock: Clock
}): Promise<SigningKeys> {
  let keys: readonly SigningKeyRow[] = []
  for (let after: string | null = null; ;) {
    const page = await records.listSigningKeys(after)
    keys = [...keys, ...page.items]
    if (page.next === null) break
    after = page.next
  }
  let newest = sorted(keys)
  let byKid = indexed(newest)

  /** Adds a key and drops those whose successor is so old that no token of theirs can be in force. */
  async function rotate(): Promise<void> {
    const now = clock.now()
    const added: SigningKeyRow = { signer: await TokenSigner.generate(), createdAt: now.toISOString() }
    const isUseless = (successor: SigningKeyRow | undefined) =>
      successor !== undefined && Date.parse(successor.createdAt) + MAX_USE_AFTER_SUCCESSOR_MS < now.getTime()
    const useless = newest.filter((_, position) => isUseless(newest[position - 1]))
    await records.commit([
      { put: 'signing-key', row: added },
      ...useless.map(({ signer }) => ({ remove: 'signing-key', id: signer.kid }) as const),
    ])
    newest = [added, ...newest.filter((key) => !useless.includes(key))]
    byKid = indexed(newest)
  }

  if (newest.length === 0) await rotate()
  return {
    current() {
      const [first] = newest
      if (first === undefined) throw new Error('there is no signing key')
      return first.signer
    },
    all: () => byKid,
    newestFirst: () => newest.map(({ signer }) => signer),
    rotate,
  }
}

function sorted(keys: readonly SigningKeyRow[]): readonly SigningKeyRow[] {
  return keys.toSorted((a, b) => (a.createdAt > b.createdAt ? -1 : 1))
}

function indexed(keys: readonly SigningKeyRow[]): ReadonlyMap<string, TokenSigner> {
  return new Map(keys.map(({ signer }) => [signer.kid, signer]))
}
