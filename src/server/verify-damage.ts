export interface Damage {
  /** In names that a client knows, where they can be had. */
  readonly where: string
  readonly problem: string
}

const MAX_LISTED = 1000

/** Counts all damage and keeps the first of it. */
export class DamageList {
  readonly #listed: Damage[] = []
  #count = 0

  add(where: string, problem: string): void {
    this.#count++
    if (this.#listed.length < MAX_LISTED) this.#listed.push({ where, problem })
  }

  get listed(): readonly Damage[] {
    return this.#listed
  }

  get count(): number {
    return this.#count
  }
}
