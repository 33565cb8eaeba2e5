import type { Migration } from '../records.ts'
import type { KeySecretsTables } from './tables.ts'

export const keySecretsMigrations: readonly Migration<KeySecretsTables>[] = []
