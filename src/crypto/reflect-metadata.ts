/**
 * The three functions of the Reflect metadata proposal that tsyringe, which @peculiar/x509 builds on, insists on.
 * Twenty lines instead of a dependency that patches far more. Import before `@peculiar/x509`.
 */
const metadata = new WeakMap<object, Map<unknown, unknown>>()

function getOwn(key: unknown, target: object): unknown {
  return metadata.get(target)?.get(key)
}

function get(key: unknown, target: object): unknown {
  for (let at: object | null = target; at !== null; at = Object.getPrototypeOf(at) as object | null) {
    if (metadata.get(at)?.has(key) === true) return getOwn(key, at)
  }
  return undefined
}

function define(key: unknown, value: unknown, target: object): void {
  const own = metadata.get(target) ?? new Map<unknown, unknown>()
  metadata.set(target, own.set(key, value))
}

if (!('getMetadata' in Reflect)) {
  Object.assign(Reflect, { getMetadata: get, getOwnMetadata: getOwn, defineMetadata: define })
}
