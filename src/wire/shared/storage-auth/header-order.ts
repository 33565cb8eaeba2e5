/**
 * What a culture-aware comparison of .NET ranks, in its order. Dash and apostrophe are passed over at first and decide
 * among names that are otherwise the same.
 */
const ranked = '!#$%&*.^_`|~+0123456789abcdefghijklmnopqrstuvwxyz'
const passedOver = "'-"

/** By the values of their characters, as most clients sort header names. */
export function ordinalOrder(names: readonly string[]): readonly string[] {
  return [...names].sort(compare)
}

/**
 * As the storage service sorts them by its documents' word "lexicographically", and the newer SDKs with it:
 * `x-ms-meta-a_b` before `x-ms-meta-ab`, though `_` is a greater character than `b`.
 */
export function culturalOrder(names: readonly string[]): readonly string[] {
  return names
    .map((name) => ({ name, rank: rankOf(name) }))
    .sort((a, b) => compare(a.rank, b.rank) || compare(dashesOf(a.name), dashesOf(b.name)))
    .map(({ name }) => name)
}

const ranks: ReadonlyMap<string, string> = new Map([
  ...Array.from(ranked, (character, index) => [character, String.fromCharCode(index + 1)] as const),
  ...Array.from(passedOver, (character) => [character, ''] as const),
])

function rankOf(name: string): string {
  let rank = ''
  for (const character of name) rank += ranks.get(character) ?? '\0'
  return rank
}

/** Of names that are otherwise the same. */
function dashesOf(name: string): string {
  return Array.from(name)
    .map((character) => passedOver.indexOf(character) + 1)
    .join('')
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
