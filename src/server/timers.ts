import type { Log } from '../observe/log.ts'

export interface Chore {
  readonly name: string
  readonly everyMs: number
  run(): Promise<unknown>
}

/** Runs each chore over and over, never twice at once; a failure is logged and tried again at its next turn. */
export function startChores(chores: readonly Chore[], log: Log): { stop(): Promise<void> } {
  let isStopping = false
  const running = new Set<Promise<unknown>>()
  const timers = chores.map((chore) => {
    let isRunning = false
    const timer = setInterval(() => {
      if (isRunning || isStopping) return
      isRunning = true
      const turn = chore
        .run()
        .catch((error: unknown) =>
          log.error({ error, chore: chore.name }, 'a chore failed and will be tried again'),
        )
        .finally(() => {
          isRunning = false
          running.delete(turn)
        })
      running.add(turn)
    }, chore.everyMs)
    timer.unref()
    return timer
  })
  return {
    async stop() {
      isStopping = true
      for (const timer of timers) clearInterval(timer)
      await Promise.allSettled(running)
    },
  }
}
