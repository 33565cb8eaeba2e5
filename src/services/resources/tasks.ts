/** Work that goes on after its request was answered. */
export interface Tasks extends AsyncDisposable {
  /** @param work gets a signal that aborts at shutdown */
  start(work: (signal: AbortSignal) => Promise<void>): void
}

/** @param bug what a task threw that it should have dealt with */
export function openTasks(bug: (error: unknown) => void): Tasks {
  const running = new Set<Promise<void>>()
  const abort = new AbortController()
  return {
    start(work) {
      const task = work(abort.signal)
        .catch((error: unknown) => {
          if (!abort.signal.aborted) bug(error)
        })
        .finally(() => running.delete(task))
      running.add(task)
    },
    async [Symbol.asyncDispose]() {
      abort.abort()
      await Promise.all(running)
    },
  }
}
