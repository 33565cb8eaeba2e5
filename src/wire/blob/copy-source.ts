import { parseAuthority } from '../../http/hosts.ts'
import type { Call, RequestHead } from '../../http/operation.ts'
import { decodePath } from '../../http/path.ts'
import { Fault } from '../../kernel/fault.ts'
import { type CopySource, SourceFault, type WantedSource } from '../../services/blob/copy-source.ts'
import { BlobFault } from '../../services/blob/faults.ts'
import type { StorageCaller } from '../../services/storage/storage-caller.ts'
import { type BlobAuthDeps, admit } from './auth.ts'
import type { BlobWireDeps } from './deps.ts'
import { ROOT_CONTAINER } from './names.ts'
import { needs } from './needs.ts'
import { blobOf, conditionsOf, customerKeyOf } from './request.ts'

export type CopyWireDeps = BlobWireDeps & { readonly auth: BlobAuthDeps }

type SourceCall = Pick<Call<StorageCaller>, 'head' | 'caller'>

/** What `x-ms-copy-source` names, once its reader was admitted. */
export interface NamedSource extends WantedSource {
  /** The URL without whatever opens it: what is stored and shown. */
  readonly shown: string
}

export interface SourceReader {
  /** Copy Blob alone: what opens the destination opens a source of the same account, too. */
  readonly sharesCredential: boolean
  /** The source's index tags are wanted, too. */
  readonly readsTags: boolean
}

const MAX_URL = 2048

interface SourceUrl {
  readonly scheme: 'http' | 'https'
  /** Lower case, with the port unless it is the scheme's own. */
  readonly authority: string
  readonly hostname: string
  readonly port: number
  /** As it came: names must not be changed by anybody's idea of a normal path. */
  readonly path: string
  readonly query: string
}

/** @throws SourceFault; BlobFault `copy-source-invalid`, `header-missing` */
export async function namedSource(
  deps: CopyWireDeps,
  call: SourceCall,
  reader: SourceReader,
): Promise<NamedSource> {
  const { head } = call
  const url = sourceUrlOf(head)
  const bearer = bearerOf(head)
  const own = await findOwn(deps, call, url, { ...reader, bearer })
  return {
    source: own ?? foreignSource(url, { ...reader, bearer }),
    conditions: conditionsOf(head, 'x-ms-source-'),
    customerKey: customerKeyOf(head, 'source-'),
    shown: `${url.scheme}://${url.authority}${url.path}${shownQuery(url)}`,
  }
}

/** Only what tells which blob it is: the rest is what opens it. */
function shownQuery({ query }: SourceUrl): string {
  const shown = [...new URLSearchParams(query)].filter(([name]) => /^(snapshot|versionid)$/i.test(name))
  return shown.length === 0 ? '' : `?${new URLSearchParams(shown).toString()}`
}

function sourceUrlOf({ headers }: RequestHead): SourceUrl {
  const value = headers.get('x-ms-copy-source')
  if (value === undefined) throw new BlobFault('header-missing', { name: 'x-ms-copy-source' })
  const found = value.length > MAX_URL ? null : /^(https?):\/\/([^/?#\\]+)(\/[^?#]*)(\?[^#]*)?$/i.exec(value)
  const authority = parseAuthority(found?.[2] ?? '')
  if (found?.[3] === undefined || authority === null) {
    throw new BlobFault('copy-source-invalid', { reason: 'It is no URL of a blob.' })
  }
  const scheme = found[1]?.toLowerCase() === 'https' ? 'https' : 'http'
  const standard = scheme === 'https' ? 443 : 80
  const port = Number(/:(\d+)$/.exec(authority.authority)?.[1] ?? standard)
  return {
    scheme,
    hostname: authority.hostname,
    port,
    authority: port === standard ? authority.hostname : `${authority.hostname}:${port}`,
    path: found[3],
    query: found[4] ?? '',
  }
}

/** The token of `x-ms-copy-source-authorization`. @throws BlobFault `header-invalid` for any other scheme */
function bearerOf({ headers }: RequestHead): string | null {
  const name = 'x-ms-copy-source-authorization'
  const value = headers.get(name)
  if (value === undefined || value === '') return null
  const token = /^Bearer +(\S+) *$/i.exec(value)?.[1]
  // The value may be a credential: it is not told back.
  if (token === undefined) throw new BlobFault('header-invalid', { name, value: '' })
  return token
}

/** @throws BlobFault `copy-source-invalid` */
function foreignSource(url: SourceUrl, { bearer, readsTags }: Credentials): CopySource {
  if (url.scheme !== 'https') {
    throw new BlobFault('copy-source-invalid', { reason: 'Sources on other servers are read by HTTPS only.' })
  }
  if (readsTags) {
    throw new BlobFault('copy-source-invalid', { reason: 'Tags are copied within this installation only.' })
  }
  return { kind: 'foreign', url: `https://${url.authority}${url.path}${url.query}`, bearer }
}

interface Credentials extends SourceReader {
  readonly bearer: string | null
}

/**
 * A source of this installation never goes over the network: its reader is admitted as if the request had come from outside,
 * from where the copy was asked for.
 *
 * @returns null when the URL is another server's
 * @throws SourceFault in place of what its reader would have been refused with
 */
async function findOwn(
  { auth, endpoints }: CopyWireDeps,
  call: SourceCall,
  url: SourceUrl,
  credentials: Credentials,
): Promise<CopySource | null> {
  const place = ownPlace(call.head, url, endpoints)
  if (place === null) return null
  try {
    const head = headOf(call.head, url, place, bearerFor(call, url, place, credentials))
    const params = paramsOf(head.path)
    const isOurs = sharesKey(call, url, place, credentials)
    const caller = isOurs
      ? call.caller
      : await admit(auth, head, { operation: { id: 'GetBlob', needs: needs.readBlob }, params })
    if (credentials.readsTags) auth.admission.assertPermitted(caller, needs.readTags)
    return { kind: 'own', at: blobOf({ head, caller, params }) }
  } catch (error) {
    throw error instanceof Fault
      ? new SourceFault('source-refused', { refusal: error }, { cause: error })
      : error
  }
}

interface OwnPlace {
  readonly account: string
  /** Percent-encoded, without the account. */
  readonly path: string
}

/** By name, on our port or the one the client knows; in path style, where the client came to that very address. */
function ownPlace(
  head: RequestHead,
  url: SourceUrl,
  { domain, port }: CopyWireDeps['endpoints'],
): OwnPlace | null {
  const suffix = `.blob.core.${domain}`
  const account = url.hostname.endsWith(suffix) ? url.hostname.slice(0, -suffix.length) : ''
  if (account !== '' && !account.includes('.')) {
    return url.port === port || url.authority.endsWith(portOf(head)) ? { account, path: url.path } : null
  }
  const isByPath = !head.authority.startsWith(`${head.subject}.`)
  if (!isByPath || url.authority !== head.authority) return null
  const [, first = '', rest = ''] = /^\/([^/]*)(.*)$/s.exec(url.path) ?? []
  return { account: first, path: rest }
}

/** `:8443` of the authority that the client sent; what no authority ends with when it sent none. */
function portOf({ authority }: RequestHead): string {
  return /:\d+$/.exec(authority)?.[0] ?? ':'
}

function isSigned({ query }: SourceUrl): boolean {
  return [...new URLSearchParams(query).keys()].some((name) => name.toLowerCase() === 'sig')
}

/** Whether the account's key that the request was signed with opens the source as well. */
function sharesKey(
  { caller }: SourceCall,
  url: SourceUrl,
  { account }: OwnPlace,
  given: Credentials,
): boolean {
  const isSame = caller.account.name === account.toLowerCase()
  return (
    given.sharesCredential &&
    isSame &&
    caller.kind === 'shared-key' &&
    given.bearer === null &&
    !isSigned(url)
  )
}

/** A principal's own token is shown to a source in the same account that comes without a credential of its own. */
function bearerFor(
  { head, caller }: SourceCall,
  url: SourceUrl,
  { account }: OwnPlace,
  { bearer, sharesCredential }: Credentials,
): string | null {
  const isSame = caller.account.name === account.toLowerCase()
  if (bearer !== null || !sharesCredential || !isSame || caller.kind !== 'principal' || isSigned(url))
    return bearer
  return /^Bearer +(\S+) *$/i.exec(head.headers.get('authorization') ?? '')?.[1] ?? null
}

/** The request that would have come from outside. */
function headOf(
  { headers, remoteAddress, tlsVersion, requestId, startedAt }: RequestHead,
  url: SourceUrl,
  { account, path }: OwnPlace,
  bearer: string | null,
): RequestHead {
  const sent = new Map<string, string>([['host', url.authority]])
  const version = headers.get('x-ms-version')
  if (version !== undefined) sent.set('x-ms-version', version)
  if (bearer !== null) sent.set('authorization', `Bearer ${bearer}`)
  return {
    method: 'GET',
    path: decodePath(path, true),
    query: new URLSearchParams(url.query),
    target: `${url.path}${url.query}`,
    headers: sent,
    rawHeaders: [...sent].flat(),
    authority: url.authority,
    subject: account,
    remoteAddress,
    tlsVersion: url.scheme === 'http' ? null : (tlsVersion ?? 'TLSv1.3'),
    requestId,
    startedAt,
  }
}

/** A path without a container is of the root container. */
function paramsOf(path: string): { readonly container: string; readonly blob: string } {
  const [, container, blob] = /^\/([^/]+)\/(.+)$/s.exec(path) ?? []
  if (container !== undefined && blob !== undefined) return { container, blob }
  return { container: ROOT_CONTAINER, blob: path.slice(1) }
}
