import { parseBase64url } from '../kernel/bytes.ts'
import { KEY_BYTES, lendRaw } from './key-material.ts'
import { RecordKey } from './record-key.ts'

const HEADING = 'strongroom-seal-key-1'

/** What protects the keys store at rest. */
export interface SealKey {
  /** Names the key and tells nothing of it. */
  readonly id: string
  readonly recordKey: RecordKey
}

/** The text of a new seal key file: one line, `strongroom-seal-key-1 <base64url of 32 bytes>`. A secret. */
export function generateSealKeyFile(): string {
  return RecordKey.generate()[lendRaw]((raw) => `${HEADING} ${raw.toString('base64url')}\n`)
}

/** @returns null when `text` is not a seal key file of this version. */
export function parseSealKeyFile(text: string): SealKey | null {
  const match = /^strongroom-seal-key-1 ([A-Za-z0-9_-]{43})\r?\n?$/.exec(text)
  const raw = match?.[1] === undefined ? null : parseBase64url(match[1])
  if (raw?.length !== KEY_BYTES) return null
  const recordKey = RecordKey.fromBytes(raw)
  return { id: recordKey.keyId, recordKey }
}
