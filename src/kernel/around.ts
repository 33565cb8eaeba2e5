type Operation = (...args: never[]) => Promise<unknown>

/** The same operations, each of them run by `run`. */
export function around<T extends Readonly<Record<keyof T, Operation>>>(
  operations: T,
  run: <R>(work: () => Promise<R>) => Promise<R>,
): T {
  const made = Object.entries<Operation>(operations).map(([name, operation]) => [
    name,
    (...args: never[]) => run(() => operation(...args)),
  ])
  return Object.fromEntries(made) as T
}
