import type { Writable } from 'node:stream'

/** A line on a terminal that is written over; nothing anywhere else. */
export interface ProgressLine {
  show(text: string): void
  /** Takes the line away. */
  clear(): void
}

const EVERY_MS = 100

export function progressLine(
  out: Writable & { readonly isTTY?: boolean; readonly columns?: number },
): ProgressLine {
  if (out.isTTY !== true) return { show: () => undefined, clear: () => undefined }
  let shownAt = -Infinity
  let width = 0
  return {
    show(text) {
      const now = performance.now()
      if (now - shownAt < EVERY_MS) return
      shownAt = now
      const line = text.slice(0, (out.columns ?? 80) - 1)
      out.write(`\r${line.padEnd(width)}`)
      width = line.length
    },
    clear() {
      if (width > 0) out.write(`\r${' '.repeat(width)}\r`)
      width = 0
    },
  }
}

/** `3.4 GiB` */
export function sizeText(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  const at = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10))
  return `${(bytes / 1024 ** at).toFixed(at === 0 ? 0 : 1)} ${units[at] ?? ''}`
}
