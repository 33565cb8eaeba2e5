import { availableParallelism, cpus, loadavg, totalmem } from 'node:os'
import { MIB } from '../../src/kernel/units.ts'
import type { AnyRow, Compared, Measured } from './comparison.ts'

/** What the numbers were taken on. */
export function machine(): string {
  const memory = (totalmem() / 2 ** 30).toFixed(0)
  return `${availableParallelism()} processors (${cpus()[0]?.model.trim() ?? 'unknown'}), ${memory} GiB, Node ${process.version}`
}

export function load(): string {
  return loadavg()
    .map((value) => value.toFixed(1))
    .join(' ')
}

const columns = [26, 3, 16, 7, 15, 15, 15, 9, 6] as const

export function comparisonHeader(names: readonly [string, string]): string {
  return [
    `Ratios above 1 speak for ${names[0]} (first number of each pair), the second number is ${names[1]}'s.`,
    line('', 'c', 'op/s', 'ratio', 'p50 ms', 'p99 ms', 'CPU ms/op', 'CPU ratio', 'client'),
  ].join('\n')
}

/** @param target a ratio below it is marked */
export function comparisonLine({ row, measured: [a, b] }: Compared<AnyRow>, target: number): string {
  const pair = (value: (measured: Measured) => number) => `${short(value(a))} / ${short(value(b))}`
  const ratio = a.operationsPerSecond / b.operationsPerSecond
  return line(
    row.name,
    String(row.concurrency),
    pair((one) => one.operationsPerSecond),
    `${ratio.toFixed(2)}${ratio < target ? ' *' : '  '}`,
    pair((one) => one.p50Ms),
    pair((one) => one.p99Ms),
    pair((one) => one.serverCpuMs),
    (b.serverCpuMs / a.serverCpuMs).toFixed(2),
    short(a.clientCpuMs),
  )
}

function line(...cells: readonly string[]): string {
  return cells
    .map((cell, index) => (index === 0 ? cell.padEnd(columns[0] - 6) : cell.padStart(columns[index] ?? 0)))
    .join(' ')
}

/** Three significant digits, as far as they make sense. */
export function short(value: number): string {
  if (value >= 100) return value.toFixed(0)
  return value >= 10 ? value.toFixed(1) : value.toFixed(2)
}

export function mib(bytes: number): string {
  return `${(bytes / MIB).toFixed(0)} MiB`
}
