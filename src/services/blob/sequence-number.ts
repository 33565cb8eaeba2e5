import { BlobFault } from './faults.ts'
import type { BlobDoc } from './model.ts'

/** Of a page blob, for clients to count their writes with: decimal, 0 to 2^63 - 1. */
export const MAX_SEQUENCE_NUMBER = 2n ** 63n - 1n

/** `x-ms-if-sequence-number-*`: decimal; null: not asked for. */
export interface SequenceConditions {
  readonly atMost: string | null
  readonly below: string | null
  readonly equal: string | null
}

export const noSequenceConditions: SequenceConditions = { atMost: null, below: null, equal: null }

/** `x-ms-sequence-number-action`. Decimal numbers. */
export type SequenceAction =
  { readonly action: 'max' | 'update'; readonly value: string } | { readonly action: 'increment' }

/** @throws BlobFault `sequence-number-not-met` */
export function assertSequence(
  { sequenceNumber }: Pick<BlobDoc, 'sequenceNumber'>,
  { atMost, below, equal }: SequenceConditions,
): void {
  const now = BigInt(sequenceNumber ?? 0)
  const isMet =
    (atMost === null || now <= BigInt(atMost)) &&
    (below === null || now < BigInt(below)) &&
    (equal === null || now === BigInt(equal))
  if (!isMet) throw new BlobFault('sequence-number-not-met', {})
}

/** @throws BlobFault `sequence-number-increment-too-large` */
export function nextSequenceNumber(
  { sequenceNumber }: Pick<BlobDoc, 'sequenceNumber'>,
  wanted: SequenceAction,
): string {
  const now = BigInt(sequenceNumber ?? 0)
  if (wanted.action === 'update') return wanted.value
  if (wanted.action === 'max') return String(BigInt(wanted.value) > now ? wanted.value : now)
  if (now >= MAX_SEQUENCE_NUMBER) throw new BlobFault('sequence-number-increment-too-large', {})
  return String(now + 1n)
}
