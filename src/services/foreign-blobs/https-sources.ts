import type { LookupAddress } from 'node:dns'
import type { IncomingMessage } from 'node:http'
import { Agent, request as startRequest } from 'node:https'
import { isIP } from 'node:net'
import { SECOND_MS } from '../../kernel/units.ts'
import type { Conditions } from '../blob/conditions.ts'
import type { ForeignContent, ForeignSource, ForeignSources } from '../blob/copy-source.ts'
import type { Span } from '../blob/extent-map.ts'
import { BlobFault } from '../blob/faults.ts'
import { contentOf, isWanted } from './answer.ts'

export interface HttpsSourcesDeps {
  /** All addresses of a name. */
  readonly lookup: (hostname: string) => Promise<readonly LookupAddress[]>
  /** Where a source may be. */
  readonly isPublic: (address: string) => boolean
  /** PEM certificates that alone are trusted; null: the public ones that Node brings. */
  readonly ca: string | null
}

/** How long it may take until an answer begins, and between two pieces of it. */
const ANSWER_MS = 30 * SECOND_MS
const MAX_HEADER_BYTES = 32 * 1024
const MAX_SOCKETS = 64

/**
 * Reads from other servers, by HTTPS only. No client can have this server ask what he could not ask himself: the name is
 * resolved once, the connection goes to an address that was checked, and a redirect is not followed anywhere.
 */
export function httpsSources(deps: HttpsSourcesDeps): ForeignSources & Disposable {
  const agent = new Agent({
    keepAlive: false,
    maxSockets: MAX_SOCKETS,
    minVersion: 'TLSv1.2',
    // Said, so that NODE_TLS_REJECT_UNAUTHORIZED does not unsay it.
    rejectUnauthorized: true,
    ...(deps.ca === null ? {} : { ca: deps.ca }),
  })
  return {
    async open(source, wanted, signal) {
      const url = new URL(source.url)
      if (url.protocol !== 'https:')
        throw new BlobFault('copy-source-invalid', { reason: 'It is no HTTPS URL.' })
      return await ask({ ...deps, agent }, { url, source, wanted }, signal)
    },
    [Symbol.dispose]: () => agent.destroy(),
  }
}

interface Asked {
  readonly url: URL
  readonly source: ForeignSource
  readonly wanted: { readonly range: Span | null; readonly conditions: Conditions }
}

async function ask(
  deps: HttpsSourcesDeps & { readonly agent: Agent },
  { url, source, wanted }: Asked,
  signal: AbortSignal,
): Promise<ForeignContent> {
  const timely = AbortSignal.any([signal, AbortSignal.timeout(ANSWER_MS)])
  try {
    const address = await publicAddress(deps, url.hostname.replace(/^\[|\]$/g, ''))
    const headers = headersOf(source, wanted)
    const response = await responseTo({ url, agent: deps.agent, address, headers }, timely)
    if (!isWanted(response, wanted.range)) {
      response.destroy()
      throw refusal(response)
    }
    return contentOf(response, wanted.range)
  } catch (error) {
    if (error instanceof BlobFault || signal.aborted) throw error
    // Whatever else went wrong there, its words are not for the client.
    throw new BlobFault(
      'copy-source-unreachable',
      { reason: 'The source does not answer.' },
      { cause: error },
    )
  }
}

/** Of a name with several addresses all must be public: which one is taken is up to nobody else. */
async function publicAddress(
  { lookup, isPublic }: Pick<HttpsSourcesDeps, 'lookup' | 'isPublic'>,
  hostname: string,
): Promise<LookupAddress> {
  const family = isIP(hostname)
  const found = family === 0 ? await lookup(hostname) : [{ address: hostname, family }]
  const [first] = found
  if (first === undefined || !found.every(({ address }) => isPublic(address))) {
    throw new BlobFault('copy-source-unreachable', { reason: 'The source has no public address.' })
  }
  return first
}

async function responseTo(
  {
    url,
    agent,
    address,
    headers,
  }: {
    readonly url: URL
    readonly agent: Agent
    readonly address: LookupAddress
    readonly headers: Readonly<Record<string, string>>
  },
  signal: AbortSignal,
): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  const sending = startRequest(
    url,
    {
      agent,
      headers,
      maxHeaderSize: MAX_HEADER_BYTES,
      timeout: ANSWER_MS,
      // The address that was checked, and no other that the name may have by now.
      lookup: (_hostname, options, callback) => {
        if (options.all === true) callback(null, [address])
        else callback(null, address.address, address.family)
      },
    },
    resolve,
  )
  const stop = () => sending.destroy(new Error('the source did not answer in time'))
  signal.addEventListener('abort', stop, { once: true })
  sending.once('timeout', stop)
  sending.once('error', reject)
  sending.end()
  try {
    return await promise
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

function headersOf(
  { bearer }: ForeignSource,
  { range, conditions }: Asked['wanted'],
): Record<string, string> {
  const { ifMatch, ifNoneMatch, ifModifiedSince, ifUnmodifiedSince, ifTags } = conditions
  const all: Readonly<Record<string, string | null>> = {
    'accept-encoding': 'identity',
    'user-agent': 'Strongroom',
    // Tokens are read by Azure's services in this version and later ones; others do not mind it.
    'x-ms-version': '2021-12-02',
    authorization: bearer === null ? null : `Bearer ${bearer}`,
    range: range === null ? null : `bytes=${range.start}-${lastOf(range)}`,
    'if-match': ifMatch === null ? null : entityTags(ifMatch),
    'if-none-match': ifNoneMatch === null ? null : entityTags(ifNoneMatch),
    'if-modified-since': ifModifiedSince === null ? null : new Date(ifModifiedSince).toUTCString(),
    'if-unmodified-since': ifUnmodifiedSince === null ? null : new Date(ifUnmodifiedSince).toUTCString(),
    'x-ms-if-tags': ifTags,
  }
  return Object.fromEntries(
    Object.entries(all).flatMap(([name, value]) => (value === null ? [] : [[name, value]])),
  )
}

function lastOf({ end }: Span): string {
  return end === Number.MAX_SAFE_INTEGER ? '' : String(end - 1)
}

function entityTags(tags: readonly string[]): string {
  return tags.map((tag) => (tag === '*' ? tag : `"${tag}"`)).join(', ')
}

function refusal({ statusCode = 0, headers }: IncomingMessage): BlobFault {
  if (statusCode === 304 || statusCode === 412) return new BlobFault('source-condition-not-met', {})
  if (statusCode === 200) {
    return new BlobFault('copy-source-unreachable', { reason: 'The source does not serve ranges.' })
  }
  const code = headers['x-ms-error-code']
  return new BlobFault('copy-source-refused', {
    status: statusCode,
    code: typeof code === 'string' && /^[A-Za-z0-9]{1,100}$/.test(code) ? code : null,
  })
}
