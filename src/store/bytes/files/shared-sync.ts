/**
 * Lets callers that wait share one sync: the promise settles with a sync that *began* after the call, so whatever the
 * caller did before it is covered. A sync under way may have passed that over, hence never serves it.
 */
export function sharedSync(sync: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | null = null
  let next: Promise<void> | null = null

  const begin = (): Promise<void> => {
    const current = sync().finally(() => {
      running = null
    })
    running = current
    return current
  }

  return async () => {
    if (running === null && next === null) {
      await begin()
      return
    }
    // Who fails is told by his own promise; the next sync begins either way.
    next ??= (running ?? Promise.resolve())
      .catch(() => undefined)
      .then(async () => {
        next = null
        await begin()
      })
    await next
  }
}
