/** A scope as it is compared: lower case, no slash at the end; the root is empty. */
export type ScopeKey = string & { readonly __brand: 'ScopeKey' }

export function scopeKey(scope: string): ScopeKey {
  return scope.replace(/\/+$/, '').toLowerCase() as ScopeKey
}

/** A scope as it is shown: one slash in front, none at the end. */
export function tidyScope(scope: string): string {
  return `/${scope.replace(/^\/+|\/+$/g, '')}`
}

/** Whether `inner` is `outer` or lies below it: whole segments only, so `.../rg1` does not cover `.../rg10`. */
export function covers(outer: ScopeKey, inner: ScopeKey): boolean {
  return inner === outer || inner.startsWith(`${outer}/`)
}
