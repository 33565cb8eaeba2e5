import { MIB } from '../../src/kernel/units.ts'
import { runToEnd } from '../../test/tools/command.ts'
import { type Operation, pushSample } from './client.ts'
import type { ClientProcess } from './client-process.ts'
import { cpuMs } from './process-usage.ts'
import type { Subject } from './subject.ts'

/** What is done again and again, at one concurrency. */
export interface AnyRow {
  readonly name: string
  readonly operation: string
  readonly bytes: number
  readonly concurrency: number
}

export interface Row extends AnyRow {
  readonly operation: Operation
  /** Whether what it moves is small: there the target is twice the other's rate, elsewhere once. */
  readonly isSmall: boolean
}

/** All rounds of one subject on one row. */
export interface Measured {
  /** Of the median round. */
  readonly operationsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly serverCpuMs: number
  readonly clientCpuMs: number
  readonly operations: number
}

export interface Compared<R extends AnyRow = Row> {
  readonly row: R
  /** In the order of the subjects. */
  readonly measured: readonly [Measured, Measured]
}

const SMALL_BYTES = 1024

const operations: readonly (readonly [name: string, operation: Operation, bytes: number])[] = [
  ['HEAD manifest', 'head-manifest', SMALL_BYTES],
  ['GET manifest', 'get-manifest', SMALL_BYTES],
  ['tags list', 'list-tags', SMALL_BYTES],
  ['push small image', 'push', SMALL_BYTES],
  ['push 1 MB', 'push', MIB],
  ['push 10 MB', 'push', 10 * MIB],
  ['push 100 MB', 'push', 100 * MIB],
  ['pull 1 MB', 'pull', MIB],
  ['pull 10 MB', 'pull', 10 * MIB],
  ['pull 100 MB', 'pull', 100 * MIB],
]

/** Every operation at every concurrency; `isQuick` leaves out 100 MB, and all concurrencies but 4. */
export function rowsOf(isQuick: boolean): readonly Row[] {
  const rows = operations.flatMap(([name, operation, bytes]) =>
    [1, 4, 16].map((concurrency) => {
      const isSmall = bytes === SMALL_BYTES
      return { name, operation, bytes, concurrency, isSmall }
    }),
  )
  return isQuick ? rows.filter(({ bytes, concurrency }) => bytes < 100 * MIB && concurrency === 4) : rows
}

export interface Pace {
  /** How long one subject is loaded before the other's turn. */
  readonly seconds: number
  /** After a first one that does not count. */
  readonly rounds: number
}

/**
 * Takes turns: what else the machine does meets both alike. The first round warms files, caches and compilers and does not
 * count. Each turn begins with nothing left to write: who waits for the disk would else wait for what the other left to it.
 */
export async function compare<R extends AnyRow>(
  client: ClientProcess,
  subjects: readonly [Loadable, Loadable],
  row: R,
  pace: Pace,
): Promise<Compared<R>> {
  const rounds: [Round[], Round[]] = [[], []]
  for (let round = 0; round <= pace.rounds; round++) {
    for (const [index, subject] of subjects.entries()) {
      const measured = await runRound(client, subject, row, pace.seconds)
      if (round > 0) rounds[index]?.push(measured)
    }
  }
  return { row, measured: [summary(rounds[0]), summary(rounds[1])] }
}

/** What the reads of all rows look for. */
export async function prepare(subject: Subject, rows: readonly Row[]): Promise<void> {
  for (const bytes of new Set(rows.map((row) => row.bytes))) {
    await pushSample(subject.address, subject.headers, bytes)
  }
}

interface Round {
  readonly latenciesMs: readonly number[]
  readonly wallMs: number
  readonly serverCpuMs: number
  readonly clientCpuMs: number
}

/** A server under test, and what the client must be told of it. */
export interface Loadable {
  readonly name: string
  readonly pid: number
  readonly job: object
}

async function runRound(
  client: ClientProcess,
  { job, pid }: Loadable,
  { operation, bytes, concurrency }: AnyRow,
  seconds: number,
): Promise<Round> {
  await runToEnd('sync', [])
  const before = cpuMs(pid)
  const result = await client.run({ ...job, operation, bytes, concurrency, seconds })
  return { ...result, serverCpuMs: cpuMs(pid) - before }
}

function summary(rounds: readonly Round[]): Measured {
  const latencies = rounds.flatMap(({ latenciesMs }) => latenciesMs).sort((a, b) => a - b)
  const rates = rounds.map(({ latenciesMs, wallMs }) => (latenciesMs.length * 1000) / wallMs)
  const perOperation = (total: (round: Round) => number) =>
    rounds.reduce((sum, round) => sum + total(round), 0) / latencies.length
  return {
    operationsPerSecond: quantile(
      rates.toSorted((a, b) => a - b),
      0.5,
    ),
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
    serverCpuMs: perOperation((round) => round.serverCpuMs),
    clientCpuMs: perOperation((round) => round.clientCpuMs),
    operations: latencies.length,
  }
}

/** Of ascending numbers. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN
}
