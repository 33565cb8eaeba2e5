import type { Json, JsonObject } from '../../kernel/json.ts'

/** What an expression may ask of its surroundings. */
export interface Scope {
  readonly budget: Budget
  readonly place: Place
  parameter(name: string): Promise<Json>
  variable(name: string): Promise<Json>
  /** Null where a value is needed before anything is deployed: in names, conditions, parameters, variables. */
  readonly reference:
    | ((
        target: string,
        options: { readonly apiVersion: string | null; readonly isFull: boolean },
      ) => Promise<Json>)
    | null
  /** Only what a parameter defaults to may differ from one evaluation to the next: `newGuid()`, `utcNow()`. */
  readonly fresh: { readonly guid: () => string; readonly now: Date } | null
}

/** What `subscription()`, `resourceGroup()`, `tenant()` and `deployment()` are. */
interface Place {
  readonly subscription: JsonObject
  readonly resourceGroup: JsonObject
  readonly tenant: JsonObject
  readonly deployment: JsonObject
}

/** Bounds what a template may make the server work and hold: values grow by doubling. */
export interface Budget {
  /** @throws ExpressionProblem when a value is too large, or all of them together are */
  spend(value: Json): void
}
