import { isIPv4 } from 'node:net'
import type { SasPermission } from './storage-caller.ts'
import { StorageAuthFault, authenticationFailed } from './auth-faults.ts'
import type { SasCredential, SasName, SasParameters, StorageRequest } from './storage-request.ts'

/** Versions before it have strings to sign that nobody makes any more. */
const OLDEST_VERSION = '2015-04-05'
const versionShape = /^\d{4}-\d{2}-\d{2}$/
/** 32 bytes in base64. */
const signatureShape = /^[A-Za-z0-9+/]{43}=$/

/** The empty string when it is absent: the two are signed alike. */
export function sasText(parameters: SasParameters, name: SasName): string {
  return parameters.get(name) ?? ''
}

/**
 * A line break inside a parameter would let one signed string be read as other fields, and no value of a response header
 * may hold one.
 *
 * @throws StorageAuthFault `authentication-failed`
 */
export function assertWellFormed({ parameters, hasDuplicates }: SasCredential): void {
  if (hasDuplicates || [...parameters.values()].some(holdsControl)) throw notWellFormed()
  const version = mandatory(parameters, 'sv')
  if (!versionShape.test(version) || version < OLDEST_VERSION) throw notWellFormed()
  if (!signatureShape.test(sasText(parameters, 'sig')))
    throw authenticationFailed('Signature size is invalid')
}

export function holdsControl(text: string): boolean {
  return /\p{Cc}/u.test(text)
}

export function notWellFormed(): StorageAuthFault {
  return authenticationFailed('Signature fields not well formed.')
}

/** @throws StorageAuthFault `authentication-failed` */
export function mandatory(parameters: SasParameters, name: SasName): string {
  const value = sasText(parameters, name)
  if (value === '') throw authenticationFailed(`${name} is mandatory. Cannot be empty`)
  return value
}

/** One line of a string to sign: the parameter of that name, or what is worked out from the request. */
export type SignedLine<Derived extends string> = SasName | Derived

/** @param derived the lines that are no parameters */
export function sasStringToSign<Derived extends string>(
  lines: readonly SignedLine<Derived>[],
  parameters: SasParameters,
  derived: Readonly<Record<Derived, string>>,
): string {
  const isDerived = (line: SignedLine<Derived>): line is Derived => line in derived
  return lines.map((line) => (isDerived(line) ? derived[line] : sasText(parameters, line))).join('\n')
}

/** What is not signed has no say: anyone can add it. */
export function signedOnly(parameters: SasParameters, lines: readonly string[]): SasParameters {
  return new Map([...parameters].filter(([name]) => lines.includes(name)))
}

/** Azure tells the string that was signed, so that its maker finds his mistake. It holds no secret. */
export function signatureMismatch(stringToSign: string): StorageAuthFault {
  return authenticationFailed(`Signature did not match. String to sign used was ${stringToSign}`)
}

const timeShape = /^(\d{4}-\d{2}-\d{2})(?:T(\d{2}:\d{2})(?::(\d{2})(?:\.(\d{1,7}))?)?Z)?$/

/**
 * The forms of ISO 8601 that are taken: a day, or a minute, second or fraction of one in UTC. Null for anything else.
 * https://learn.microsoft.com/rest/api/storageservices/formatting-datetime-values
 */
export function parseSasTime(text: string): Date | null {
  const found = timeShape.exec(text)
  if (found?.[1] === undefined) return null
  const [, day, minute = '00:00', second = '00', fraction = ''] = found
  const time = new Date(`${day}T${minute}:${second}.${fraction.padEnd(3, '0').slice(0, 3)}Z`)
  // Not the 30th of February, which Date takes for a day in March.
  return time.getUTCDate() === Number(day.slice(8)) ? time : null
}

/** @returns null when it is absent. @throws StorageAuthFault `authentication-failed` for what is no time */
export function sasTime(parameters: SasParameters, name: SasName): Date | null {
  const text = sasText(parameters, name)
  if (text === '') return null
  const time = parseSasTime(text)
  if (time === null) throw notWellFormed()
  return time
}

/** Without tolerance, as in Azure. @throws StorageAuthFault `authentication-failed` */
export function assertInTime(
  { startsAt, expiresAt }: { readonly startsAt: Date | null; readonly expiresAt: Date },
  now: Date,
): void {
  const start = startsAt ?? now
  if (expiresAt <= start) {
    throw authenticationFailed(
      `Signed expiry time [${expiresAt.toUTCString()}] must be after signed start time [${start.toUTCString()}]`,
    )
  }
  if (now >= start && now < expiresAt) return
  throw authenticationFailed(
    `Signature not valid in the specified time frame: Start [${start.toUTCString()}] - Expiry [${expiresAt.toUTCString()}] - Current [${now.toUTCString()}]`,
  )
}

/**
 * `sip` and `spr`: where from and how the request may come.
 * @throws StorageAuthFault `source-ip-mismatch`, `protocol-mismatch`, `authentication-failed`
 */
export function assertPlace(parameters: SasParameters, request: StorageRequest): void {
  const { remoteAddress: address, tlsVersion } = request
  const [addresses, protocol] = [sasText(parameters, 'sip'), sasText(parameters, 'spr')]
  if (!['', 'https', 'https,http'].includes(protocol)) throw notWellFormed()
  if (protocol === 'https' && tlsVersion === null) throw new StorageAuthFault('protocol-mismatch', {})
  if (addresses !== '' && !isWithin(addresses, address)) {
    throw new StorageAuthFault('source-ip-mismatch', { address })
  }
}

/** One IPv4 address, or the first and last of a range. */
function isWithin(addresses: string, address: string): boolean {
  const [first = '', last = first, ...more] = addresses.split('-')
  if (more.length > 0 || !isIPv4(first) || !isIPv4(last)) throw notWellFormed()
  return isIPv4(address) && numberOf(first) <= numberOf(address) && numberOf(address) <= numberOf(last)
}

function numberOf(address: string): number {
  return address.split('.').reduce((number, part) => number * 256 + Number(part), 0)
}

export function hasLetter(permissions: string, letters: readonly SasPermission[]): boolean {
  return letters.some((letter) => permissions.includes(letter))
}
