/** What became of one step. */
export type StepResult = { readonly isDone: true } | { readonly isDone: false; readonly problem: StepProblem }

/** In ARM's terms; fit to be shown. */
export interface StepProblem {
  readonly status: number
  readonly code: string
  readonly message: string
}

export interface Step {
  readonly key: string
  /** Of steps that may begin at the same time, those with a smaller rank end before the others begin. */
  readonly rank: number
  readonly waitsFor: ReadonlySet<string>
}

const MAX_PARALLEL = 8

/**
 * Runs every step once those it waits for are done, several at a time.
 *
 * A step that failed is tried again after all others have ended, as long as one of them was done after it had begun: a
 * template need not say all that a resource depends on. The published registry template does not say that the registry
 * needs the access policy beside it.
 *
 * @param run must bear being repeated; a step whose predecessors failed is never run
 * @returns the problem of each step that is not done; steps never run are not in it
 */
export async function runSteps<S extends Step>(
  steps: readonly S[],
  run: (step: S) => Promise<StepResult>,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, StepProblem>> {
  const waiting = new Set(steps)
  const done = new Set<string>()
  const failed = new Map<S, { readonly problem: StepProblem; readonly doneAtStart: number }>()
  /** With their ranks. */
  const running = new Map<Promise<void>, number>()
  const start = (step: S): void => {
    waiting.delete(step)
    const doneAtStart = done.size
    const task = run(step)
      .then((result) => {
        if (result.isDone) done.add(step.key)
        else failed.set(step, { problem: result.problem, doneAtStart })
      })
      .finally(() => running.delete(task))
    running.set(task, step.rank)
  }
  for (;;) {
    if (!signal.aborted) {
      const ready = [...waiting].filter(({ waitsFor }) => [...waitsFor].every((key) => done.has(key)))
      const rank = Math.min(...ready.map((step) => step.rank), ...running.values())
      for (const step of ready) if (step.rank === rank && running.size < MAX_PARALLEL) start(step)
    }
    if (running.size > 0) {
      await Promise.race(running.keys())
      continue
    }
    const again = [...failed].filter(([, { doneAtStart }]) => done.size > doneAtStart)
    if (again.length === 0 || signal.aborted) break
    for (const [step] of again) {
      failed.delete(step)
      waiting.add(step)
    }
  }
  return new Map([...failed].map(([step, { problem }]) => [step.key, problem]))
}
