import { z } from 'zod'
import type { RecordKey } from '../../../crypto/record-key.ts'
import type { KeySecretsTable } from './tables.ts'

const keyState = z.object({
  owner: z.object({ resourceId: z.string(), purpose: z.string() }),
  confirmed: z.int().nonnegative(),
  issued: z.int().nonnegative(),
  /** The wrapping that the service wrapping key belongs to; null when there is no such key. */
  serviceGeneration: z.int().positive().nullable(),
  mustScrub: z.boolean(),
})
export type KeyState = Readonly<z.infer<typeof keyState>>

export function sealState(recordKey: RecordKey, uid: string, state: KeyState): Buffer {
  return recordKey.seal(`key_secrets/${uid}/state`, Buffer.from(JSON.stringify(state)))
}

export function openState(
  recordKey: RecordKey,
  row: Pick<KeySecretsTable, 'resource_uid' | 'state'>,
): KeyState {
  const plain = recordKey.open(`key_secrets/${row.resource_uid}/state`, row.state)
  return keyState.parse(JSON.parse(plain.toString('utf8')))
}
