import { GIB, KIB, MIB } from '../../src/kernel/units.ts'

export type BlobOperation = 'put' | 'get' | 'range' | 'list'

export interface Row {
  readonly name: string
  readonly operation: BlobOperation
  /** Of the blob. */
  readonly bytes: number
  readonly concurrency: number
}

export const RANGE_BYTES = 64 * KIB
export const LISTED = 5_000

const operations: readonly (readonly [name: string, operation: BlobOperation, bytes: number])[] = [
  ['PUT 4 KiB', 'put', 4 * KIB],
  ['GET 4 KiB', 'get', 4 * KIB],
  ['PUT 1 MiB', 'put', MIB],
  ['GET 1 MiB', 'get', MIB],
  ['PUT 64 MiB', 'put', 64 * MIB],
  ['GET 64 MiB', 'get', 64 * MIB],
  ['PUT 1 GiB', 'put', GIB],
  ['GET 1 GiB', 'get', GIB],
  ['64 KiB of 1 GiB', 'range', GIB],
  ['list 5,000', 'list', 0],
]

/** Every operation at every concurrency that makes sense; `isQuick` leaves out large blobs, and all concurrencies but 8. */
export function rowsOf(isQuick: boolean): readonly Row[] {
  const rows = operations.flatMap(([name, operation, bytes]) =>
    concurrenciesOf(operation, bytes).map((concurrency) => ({ name, operation, bytes, concurrency })),
  )
  return isQuick ? rows.filter(({ bytes, concurrency }) => bytes < 64 * MIB && concurrency <= 8) : rows
}

/** More of the large ones at once would only fill the page cache. */
function concurrenciesOf(operation: BlobOperation, bytes: number): readonly number[] {
  if (operation === 'list') return [1]
  if (bytes === GIB && operation !== 'range') return [1]
  return [1, 8, 32]
}
