import { type ChildProcess, fork } from 'node:child_process'

/** What a client did, one operation after another. */
export interface JobResult {
  readonly latenciesMs: readonly number[]
  readonly wallMs: number
  readonly clientCpuMs: number
}

/** The client in a process of its own, so that its work shows in nobody's numbers but its own. */
export class ClientProcess implements Disposable {
  readonly #child: ChildProcess

  /** @param program takes jobs as messages and answers each with `result` or `error` */
  constructor(program: URL) {
    this.#child = fork(program)
  }

  async run(job: object): Promise<JobResult> {
    const { promise, resolve, reject } = Promise.withResolvers<JobResult>()
    const onExit = () => reject(new Error('the client ended'))
    this.#child.once('message', (answer: { readonly result?: JobResult; readonly error?: string }) => {
      if (answer.result === undefined) reject(new Error(answer.error ?? 'the client failed'))
      else resolve(answer.result)
    })
    this.#child.once('exit', onExit)
    this.#child.send(job)
    try {
      return await promise
    } finally {
      this.#child.off('exit', onExit)
    }
  }

  [Symbol.dispose](): void {
    this.#child.kill()
  }
}
