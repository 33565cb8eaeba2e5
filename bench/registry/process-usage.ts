import { readFileSync } from 'node:fs'

const TICK_MS = 10

/** Processor time of a process and all its threads so far, user and system. */
export function cpuMs(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? []
  return (Number(fields[11]) + Number(fields[12])) * TICK_MS
}

/** Resident memory that is the process's own: what is mapped from files, such as its program, is not counted. */
export function residentBytes(pid: number): number {
  const anonymous = /^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
  return Number(anonymous) * 1024
}

/** Calls `sample` every so often until it is stopped. */
export function sampling(sample: () => void, everyMs = 50): Disposable {
  const timer = setInterval(sample, everyMs)
  return { [Symbol.dispose]: () => clearInterval(timer) }
}
