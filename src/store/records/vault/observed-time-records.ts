import type { Records } from '../records.ts'
import type { VaultTables } from './tables.ts'

/** How much time this installation has seen pass, over all its runs. */
export interface ObservedTimeRecords {
  readMs(): Promise<number>
  /** @returns the new total */
  addMs(ms: number): Promise<number>
}

export function observedTimeRecords(
  records: Pick<Records<VaultTables>, 'read' | 'write'>,
): ObservedTimeRecords {
  return {
    async readMs() {
      const row = await records.read
        .selectFrom('vault_observed_time')
        .select('observed_ms')
        .executeTakeFirstOrThrow()
      return row.observed_ms
    },
    addMs: (ms) =>
      records.write(async (write) => {
        const row = await write
          .updateTable('vault_observed_time')
          .set((set) => ({ observed_ms: set('observed_ms', '+', ms) }))
          .where('id', '=', 1)
          .returning('observed_ms')
          .executeTakeFirstOrThrow()
        return row.observed_ms
      }),
  }
}
