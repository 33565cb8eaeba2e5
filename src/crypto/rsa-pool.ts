import type { KeyObject } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import { asBuffer } from '../kernel/bytes.ts'
import { Outage } from '../kernel/fault.ts'
import type { RsaPadding } from './rsa-oaep.ts'
import type { RsaAnswer, RsaJob } from './rsa-worker.ts'

/** Two, so that a worker never waits for the event loop between jobs. */
const JOBS_A_WORKER = 2

interface Waiting {
  readonly job: RsaJob
  readonly done: (plain: Buffer | null) => void
  readonly failed: (error: Error) => void
}

interface Hand {
  readonly worker: Worker
  readonly jobs: Map<number, Waiting>
}

/**
 * Threads for RSA private operations, which take 0.3 to 5 ms and have no asynchronous form in Node.
 * Started on demand, they keep the process alive only while they work.
 */
export class RsaPool {
  readonly #hands: Hand[] = []
  readonly #queue: Waiting[] = []
  readonly #maxThreads: number
  readonly #maxQueued: number
  #nextId = 0

  constructor(maxThreads: number, maxQueued: number) {
    this.#maxThreads = maxThreads
    this.#maxQueued = maxQueued
  }

  /** @returns null when the cipher text does not open. @throws Outage when more wait than the queue holds */
  decrypt(key: KeyObject, padding: RsaPadding, cipher: Uint8Array): Promise<Buffer | null> {
    if (this.#queue.length >= this.#maxQueued) {
      return Promise.reject(new Outage('too many RSA operations are waiting', { retryAfterSeconds: 1 }))
    }
    return new Promise((done, failed) => {
      this.#queue.push({ job: { id: this.#nextId++, key, padding, cipher }, done, failed })
      this.#dispatch()
    })
  }

  #dispatch(): void {
    while (this.#queue.length > 0) {
      const hand = this.#freeHand()
      const waiting = hand === null ? undefined : this.#queue.shift()
      if (hand === null || waiting === undefined) return
      if (hand.jobs.size === 0) hand.worker.ref()
      hand.jobs.set(waiting.job.id, waiting)
      hand.worker.postMessage(waiting.job)
    }
  }

  /** An idle thread, else a new one, else the least busy one that has room. */
  #freeHand(): Hand | null {
    const leastBusy = this.#hands.toSorted((a, b) => a.jobs.size - b.jobs.size)[0]
    if (leastBusy?.jobs.size === 0) return leastBusy
    if (this.#hands.length < this.#maxThreads) return this.#start()
    return leastBusy !== undefined && leastBusy.jobs.size < JOBS_A_WORKER ? leastBusy : null
  }

  #start(): Hand {
    // No arguments and no environment of ours: a worker needs neither, and the environment may hold secrets.
    const worker = new Worker(new URL('./rsa-worker.ts', import.meta.url), {
      name: 'rsa',
      execArgv: [],
      env: {},
    })
    const hand: Hand = { worker, jobs: new Map() }
    worker.on('message', (answer: RsaAnswer) => this.#settle(hand, answer))
    worker.on('error', (cause) => this.#lose(hand, cause))
    worker.on('exit', () => this.#lose(hand, undefined))
    this.#hands.push(hand)
    return hand
  }

  #settle(hand: Hand, { id, plain }: RsaAnswer): void {
    const waiting = hand.jobs.get(id)
    hand.jobs.delete(id)
    this.#dispatch()
    if (hand.jobs.size === 0) hand.worker.unref()
    waiting?.done(plain === null ? null : asBuffer(plain))
  }

  /** A thread died: what it had in hand fails as an outage, the next job starts another. */
  #lose(hand: Hand, cause: unknown): void {
    const at = this.#hands.indexOf(hand)
    if (at >= 0) this.#hands.splice(at, 1)
    for (const { failed } of hand.jobs.values()) failed(new Outage('an RSA worker stopped', { cause }))
    hand.jobs.clear()
    this.#dispatch()
  }
}

/**
 * NOTE: one pool a process, unlike our other state, because what it shares out is the machine's processors.
 * 256 waiting operations are a fifth of a second of work for two processors at 4096 bits.
 */
export const rsaPool = new RsaPool(Math.min(availableParallelism(), 8), 256)
