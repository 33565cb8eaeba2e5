import type { KeyChange } from '../keyring/ports.ts'

/** Tells watchers what was committed. Listeners only take note: they return at once and do not throw. */
export interface Changes {
  tell(change: KeyChange): void
  watch(listener: (change: KeyChange) => void): Disposable
}

export function openChanges(): Changes {
  const listeners = new Set<(change: KeyChange) => void>()
  return {
    tell(change) {
      for (const listener of listeners) listener(change)
    },
    watch(listener) {
      // Wrapped, so that one function that watches twice is told twice.
      const mine = (change: KeyChange) => {
        listener(change)
      }
      listeners.add(mine)
      return { [Symbol.dispose]: () => void listeners.delete(mine) }
    },
  }
}
