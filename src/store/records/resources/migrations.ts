import type { Migration } from '../records.ts'
import type { ResourcesTables } from './tables.ts'

export const resourcesMigrations: readonly Migration<ResourcesTables>[] = []
