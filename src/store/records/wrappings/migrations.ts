import type { Migration } from '../records.ts'
import type { WrappingsTables } from './tables.ts'

export const wrappingsMigrations: readonly Migration<WrappingsTables>[] = []
