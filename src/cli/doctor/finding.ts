/** What one check found. */
export interface Finding {
  /** `names`, `certificate`, ...: the first word of its line. */
  readonly check: string
  readonly status: 'ok' | 'warn' | 'fail'
  /** One sentence for a person. */
  readonly detail: string
  /** What to do, a line each, commands fit to be pasted. Empty when all is well. */
  readonly remedy: readonly string[]
}

export function ok(check: string, detail: string): Finding {
  return { check, status: 'ok', detail, remedy: [] }
}

export function warn(check: string, detail: string, ...remedy: readonly string[]): Finding {
  return { check, status: 'warn', detail, remedy }
}

export function fail(check: string, detail: string, ...remedy: readonly string[]): Finding {
  return { check, status: 'fail', detail, remedy }
}

/** A line each, what to do indented below. */
export function report(findings: readonly Finding[]): string {
  const width = Math.max(...findings.map(({ check }) => check.length))
  const lines = findings.flatMap(({ check, status, detail, remedy }) => [
    `${status.padEnd(4)}  ${check.padEnd(width)}  ${detail}`,
    ...remedy.map((line) => `${' '.repeat(width + 8)}→ ${line}`),
  ])
  const count = (wanted: Finding['status']) => findings.filter(({ status }) => status === wanted).length
  return [...lines, `ok: ${count('ok')}, warn: ${count('warn')}, fail: ${count('fail')}`, ''].join('\n')
}
