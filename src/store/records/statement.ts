import type { Compilable, CompiledQuery, Kysely } from 'kysely'

/** A statement that is built and printed once. What it is given at each run are its parameters. */
export interface Statement<DB, P, R> {
  all(db: Kysely<DB>, parameters: P): Promise<readonly R[]>
  /** @returns the first row, null when there is none */
  first(db: Kysely<DB>, parameters: P): Promise<R | null>
}

/** A statement with a list. */
export interface ListStatement<DB, P, T, R> {
  /** A long list is run piece by piece, an empty one not at all. */
  all(db: Kysely<DB>, parameters: P, list: readonly T[]): Promise<readonly R[]>
}

/**
 * For statements that every request runs: Kysely takes several times as long to build and print one as SQLite to run it.
 *
 * `build` is called once for each engine, with placeholders for the values of `parameters`. It may hand them to Kysely wherever a
 * value may stand, and do nothing else with them: a statement whose words depend on a value is built at each run.
 */
export function statement<DB, P extends object, R>(
  build: (db: Kysely<DB>, parameters: P) => Compilable<R>,
): Statement<DB, P, R> {
  const named = placeholders((name) => (given: P) => valueOf(given, name)) as P
  const run = printedOnce((db: Kysely<DB>) => build(db, named))
  return {
    all: run,
    first: async (db, parameters) => (await run(db, parameters))[0] ?? null,
  }
}

const ITEMS_AT_ONCE = 512

/**
 * As `statement`, with a list of rows to insert, or of values to find something by. It is printed for each power of two, and a list in
 * between is filled up with its last item, which therefore has to make no difference (`in`, `on conflict do nothing`).
 */
export function listStatement<DB, P extends object, T extends object, R>(
  build: (db: Kysely<DB>, parameters: P, list: readonly T[]) => Compilable<R>,
): ListStatement<DB, P, T, R> {
  const named = placeholders((name) => (given: Listed<P, T>) => valueOf(given.parameters, name)) as P
  const items = Array.from({ length: ITEMS_AT_ONCE }, (_, index) => itemAt(index) as T)
  const ofSize = Array.from({ length: Math.log2(ITEMS_AT_ONCE) + 1 }, (_, power) =>
    printedOnce((db: Kysely<DB>) => build(db, named, items.slice(0, 2 ** power))),
  )
  return {
    async all(db, parameters, list) {
      const rows: R[] = []
      for (let at = 0; at < list.length; at += ITEMS_AT_ONCE) {
        const piece = list.slice(at, at + ITEMS_AT_ONCE)
        const run = ofSize[Math.ceil(Math.log2(piece.length))]
        rows.push(...((await run?.(db, { parameters, list: piece })) ?? []))
      }
      return rows
    },
  }
}

/** The last one where the list is shorter. */
function itemAt(index: number): object {
  return placeholders(
    (name) =>
      ({ list }: Listed<unknown, object>) =>
        valueOf(list[index] ?? list.at(-1) ?? {}, name),
  )
}

interface Listed<P, T> {
  readonly parameters: P
  readonly list: readonly T[]
}

/** Stands for a value in a printed statement. */
class Placeholder {
  readonly valueIn: (given: never) => unknown

  constructor(valueIn: (given: never) => unknown) {
    this.valueIn = valueIn
  }

  /** Whoever compares it, or puts it into a text, takes it for the value. */
  [Symbol.toPrimitive](): never {
    throw new TypeError('a printed statement cannot depend on a value')
  }
}

/** Of every name; one that is not among what is given is refused when the statement runs, as undefined. */
function placeholders(pick: (name: string) => Placeholder['valueIn']): object {
  return new Proxy({}, { get: (_target, name) => new Placeholder(pick(String(name))) })
}

function valueOf(given: object, name: string): unknown {
  return (given as Readonly<Record<string, unknown>>)[name]
}

function printedOnce<DB, R>(
  build: (db: Kysely<DB>) => Compilable<R>,
): (db: Kysely<DB>, given: object) => Promise<readonly R[]> {
  // By what all connections of an engine have in common.
  const printed = new WeakMap<object, CompiledQuery<R>>()
  return async (db, given) => {
    const { adapter } = db.getExecutor()
    let query = printed.get(adapter)
    if (query === undefined) {
      query = build(db).compile()
      printed.set(adapter, query)
    }
    const parameters = query.parameters.map((value) =>
      value instanceof Placeholder ? value.valueIn(given as never) : value,
    )
    const filled: CompiledQuery<R> = { ...query, parameters }
    return (await db.executeQuery(filled)).rows
  }
}
