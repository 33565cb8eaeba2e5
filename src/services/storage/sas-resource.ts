import { StorageAuthFault } from './auth-faults.ts'
import { hasLetter, mandatory, notWellFormed, sasText } from './sas.ts'
import type { SasPermission, StoragePermission } from './storage-caller.ts'
import type { SasParameters, StorageRequest } from './storage-request.ts'

/** Of a container, these alone (a list may show tags): all else that is done to it takes an account SAS. */
const containerLetters: readonly SasPermission[] = ['l', 'f', 't']

/**
 * What the signature is for, as it is signed: `/blob/account/container/blob`. A snapshot or version is told by
 * `momentOf` beside it, and bound to the request so that another one cannot be read through it.
 *
 * @throws StorageAuthFault `forbidden` when the request is about something that such a signature cannot be for
 */
export function resourceOf(request: StorageRequest, parameters: SasParameters): string {
  const { account, service, container, blob, snapshot, versionId } = request
  const kind = mandatory(parameters, 'sr')
  if (!isKnown(kind, sasText(parameters, 'sv'))) throw notWellFormed()
  if (container === null) throw new StorageAuthFault('forbidden', {})
  const root = `/${service}/${account.name}/${container}`
  if (kind === 'c') return root
  if (blob === null) throw new StorageAuthFault('forbidden', {})
  if (kind === 'd') return directoryOf(root, blob, sasText(parameters, 'sdd'))
  const isOther =
    (kind === 'bs' && (snapshot === null || versionId !== null)) ||
    (kind === 'bv' && (versionId === null || snapshot !== null))
  if (isOther) throw new StorageAuthFault('forbidden', {})
  return `${root}/${blob}`
}

function isKnown(kind: string, version: string): boolean {
  switch (kind) {
    case 'b':
    case 'c':
      return true
    case 'bs':
      return version >= '2018-11-09'
    case 'bv':
      return version >= '2019-10-10'
    case 'd':
      return version >= '2020-02-10'
    default:
      return false
  }
}

/** The first `sdd` segments of the name: the directory, or what lies in it. */
function directoryOf(root: string, blob: string, depth: string): string {
  if (!/^\d{1,3}$/.test(depth)) throw notWellFormed()
  const segments = blob.split('/')
  if (Number(depth) > segments.length) throw new StorageAuthFault('forbidden', {})
  return [root, ...segments.slice(0, Number(depth))].join('/')
}

/** The snapshot or version that is signed; empty for the other kinds. */
export function momentOf({ snapshot, versionId }: StorageRequest, parameters: SasParameters): string {
  const kind = sasText(parameters, 'sr')
  return (kind === 'bs' ? snapshot : kind === 'bv' ? versionId : null) ?? ''
}

/** @param signed `sr`, and the letters in force */
export function sasResourcePermits(
  signed: { readonly resource: string; readonly letters: string },
  { resource, sas }: StoragePermission,
): boolean {
  switch (resource) {
    case 'service':
      return false
    case 'container':
      return signed.resource === 'c' && hasLetter(signed.letters, ofContainer(sas))
    case 'object':
      return hasLetter(signed.letters, sas)
  }
}

export function sasResourceRefusal({ resource, sas }: StoragePermission): StorageAuthFault {
  const isPossible =
    resource === 'object' ? sas.length > 0 : resource === 'container' && ofContainer(sas).length > 0
  return new StorageAuthFault(isPossible ? 'permission-mismatch' : 'forbidden', {})
}

function ofContainer(letters: readonly SasPermission[]): readonly SasPermission[] {
  return letters.filter((letter) => containerLetters.includes(letter))
}

const overrides = [
  ['rscc', 'cache-control'],
  ['rscd', 'content-disposition'],
  ['rsce', 'content-encoding'],
  ['rscl', 'content-language'],
  ['rsct', 'content-type'],
] as const

/** What the signature puts in place of the blob's own headers, as a header takes it: UTF-8, a byte a character. */
export function responseHeadersOf(parameters: SasParameters): Readonly<Record<string, string>> {
  return Object.fromEntries(
    overrides.flatMap(([name, header]) => {
      const value = sasText(parameters, name)
      return value === '' ? [] : [[header, Buffer.from(value, 'utf8').toString('latin1')]]
    }),
  )
}
