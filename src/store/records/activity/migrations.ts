import type { Migration } from '../records.ts'
import type { ActivityTables } from './tables.ts'

export const activityMigrations: readonly Migration<ActivityTables>[] = []
