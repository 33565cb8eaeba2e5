import { type RequestHead, queryValue } from '../../../http/operation.ts'
import {
  type SasName,
  type SignedValue,
  type StorageCredential,
  sasNames,
} from '../../../services/storage/storage-request.ts'
import { stringsToSign } from './string-to-sign.ts'

/**
 * What a request shows of who sent it. An Authorization header counts before a signature in the query, but for the one
 * kind of signature that wants both.
 */
export function readCredential(head: RequestHead, accountName: string): StorageCredential {
  const authorization = head.headers.get('authorization')
  const sas = sasOf(head, authorization)
  if (authorization === undefined) return sas ?? { kind: 'anonymous' }
  if (sas?.parameters.has('sduoid') === true) return sas
  const token = tokenOf(authorization)
  return token === null ? sharedKeyOf(head, authorization, accountName) : { kind: 'bearer', token }
}

/** Shows nothing of who sent it. */
export function isAnonymous(head: RequestHead): boolean {
  return !head.headers.has('authorization') && queryValue(head, 'sig') === undefined
}

function sharedKeyOf(head: RequestHead, authorization: string, accountName: string): StorageCredential {
  const found = /^(SharedKey|SharedKeyLite) ([^:\s]+):(\S+)$/i.exec(authorization)
  if (found?.[1] === undefined || found[2] === undefined || found[3] === undefined)
    return { kind: 'malformed' }
  const scheme = found[1].toLowerCase() === 'sharedkey' ? 'sharedkey' : 'sharedkeylite'
  return {
    kind: 'shared-key',
    accountName: found[2],
    signature: found[3],
    stringsToSign: stringsToSign(head, scheme, accountName),
    date: head.headers.get('x-ms-date') ?? head.headers.get('date') ?? null,
  }
}

function tokenOf(authorization: string): string | null {
  return /^Bearer +(\S+) *$/i.exec(authorization)?.[1] ?? null
}

type Sas = Extract<StorageCredential, { readonly kind: 'sas' }>

/** @returns null when there is no signature in the query */
function sasOf(head: RequestHead, authorization: string | undefined): Sas | null {
  const query = new Map<string, string>()
  const repeated = new Set<string>()
  for (const [name, value] of head.query) {
    const key = name.toLowerCase()
    if (query.has(key)) repeated.add(key)
    else query.set(key, value)
  }
  if (!query.has('sig')) return null
  const parameters = new Map<SasName, string>()
  for (const name of sasNames) {
    const value = query.get(name)
    if (value !== undefined) parameters.set(name, value)
  }
  return {
    kind: 'sas',
    parameters,
    hasDuplicates: sasNames.some((name) => repeated.has(name)),
    token: authorization === undefined ? null : tokenOf(authorization),
    signedHeaders: signedValues(parameters.get('srh'), (name) => head.headers.get(name)),
    signedQuery: signedValues(parameters.get('srq'), (name) =>
      repeated.has(name) ? undefined : query.get(name),
    ),
  }
}

function signedValues(
  names: string | undefined,
  valueOf: (name: string) => string | undefined,
): readonly SignedValue[] {
  if (names === undefined || names === '') return []
  return names.split(',').map((name) => ({ name, value: valueOf(name.toLowerCase()) ?? null }))
}
