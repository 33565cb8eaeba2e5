import type { RequestHead } from '../../http/operation.ts'
import { BlobFault } from '../../services/blob/faults.ts'
import type { ImmutabilityPolicy } from '../../services/blob/immutability.ts'

const untilHeader = 'x-ms-immutability-policy-until-date'
const modeHeader = 'x-ms-immutability-policy-mode'
const holdHeader = 'x-ms-legal-hold'

/** What a new blob is protected by from its first moment; empty: by nothing of its own. @throws BlobFault `header-invalid` */
export function protectionOf(head: RequestHead): {
  readonly immutability?: ImmutabilityPolicy
  readonly hasLegalHold?: boolean
} {
  const until = sent(head, untilHeader)
  const hold = sent(head, holdHeader)
  return {
    ...(until === null ? {} : { immutability: policyOf(head, until) }),
    ...(hold === null ? {} : { hasLegalHold: isHeld(hold) }),
  }
}

/** @throws BlobFault `header-missing`, `header-invalid` */
export function requiredPolicyOf(head: RequestHead): ImmutabilityPolicy {
  return policyOf(head, required(head, untilHeader))
}

/** @throws BlobFault `header-missing`, `header-invalid` */
export function requiredLegalHoldOf(head: RequestHead): boolean {
  return isHeld(required(head, holdHeader))
}

function policyOf(head: RequestHead, date: string): ImmutabilityPolicy {
  const until = Date.parse(date)
  if (Number.isNaN(until)) throw new BlobFault('header-invalid', { name: untilHeader, value: date })
  return { until, mode: modeOf(sent(head, modeHeader) ?? 'unlocked') }
}

function modeOf(value: string): ImmutabilityPolicy['mode'] {
  switch (value.toLowerCase()) {
    case 'unlocked':
      return 'Unlocked'
    case 'locked':
      return 'Locked'
    default:
      throw new BlobFault('header-invalid', { name: modeHeader, value })
  }
}

function isHeld(value: string): boolean {
  if (/^(true|false)$/i.test(value)) return value.toLowerCase() === 'true'
  throw new BlobFault('header-invalid', { name: holdHeader, value })
}

function required(head: RequestHead, name: string): string {
  const value = sent(head, name)
  if (value === null) throw new BlobFault('header-missing', { name })
  return value
}

function sent({ headers }: RequestHead, name: string): string | null {
  const value = headers.get(name)
  return value === undefined || value === '' ? null : value
}
