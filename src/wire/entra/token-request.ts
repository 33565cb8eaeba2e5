import type { RequestHead } from '../../http/operation.ts'
import type { ClientCredential } from '../../services/directory/token-endpoint.ts'
import { EntraFault } from './faults.ts'

/** A client credentials request, RFC 6749 section 4.4.2, as one of the three token endpoints takes it. */
export type TokenRequest = { readonly clientId: string; readonly resource: string } & ClientCredential

const single = [
  'grant_type',
  'client_id',
  'client_secret',
  'client_assertion',
  'client_assertion_type',
  'scope',
  'resource',
]
/** RFC 7523 section 2.2. */
const JWT_ASSERTION = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer'

/**
 * @param names what names the resource there: `scope` at v2.0, `resource` at v1, either at `/adfs`
 * @throws EntraFault
 */
export function parseTokenRequest(
  head: RequestHead,
  form: URLSearchParams,
  names: readonly ('scope' | 'resource')[],
): TokenRequest {
  const repeated = single.find((name) => form.getAll(name).length > 1)
  if (repeated !== undefined) throw new EntraFault('parameter-repeated', { parameter: repeated })
  const grantType = required(form, 'grant_type')
  if (grantType !== 'client_credentials') throw new EntraFault('grant-unsupported', { grantType })
  const client = clientOf(head, form)
  return { ...client, resource: resourceOf(form, names) }
}

/** In the form or in a Basic header (RFC 6749 section 2.3.1). A secret comes before an assertion. */
function clientOf(
  head: RequestHead,
  form: URLSearchParams,
): { readonly clientId: string } & ClientCredential {
  const basic = parseBasic(head.headers.get('authorization'))
  const clientId = form.get('client_id') ?? basic?.clientId ?? ''
  if (clientId === '') throw new EntraFault('parameter-missing', { parameter: 'client_id' })
  const secret = form.get('client_secret') ?? (basic?.clientId === clientId ? basic.secret : '')
  if (secret !== '') return { clientId, secret }
  const assertion = form.get('client_assertion') ?? ''
  if (assertion === '') throw new EntraFault('credential-missing', {})
  if (required(form, 'client_assertion_type') !== JWT_ASSERTION)
    throw new EntraFault('assertion-type-unknown', {})
  return { clientId, assertion }
}

/** The scope minus exactly the trailing `/.default`: az's `https://management.../` gives `https://management...//.default`. */
function resourceOf(form: URLSearchParams, names: readonly ('scope' | 'resource')[]): string {
  const name = names.find((each) => (form.get(each) ?? '') !== '')
  if (name === undefined) throw new EntraFault('parameter-missing', { parameter: names[0] ?? 'scope' })
  const value = required(form, name)
  if (name === 'resource') return value
  const suffix = '/.default'
  if (!value.endsWith(suffix) || /\s/.test(value)) throw new EntraFault('scope-invalid', { scope: value })
  return value.slice(0, -suffix.length)
}

function required(form: URLSearchParams, parameter: string): string {
  const value = form.get(parameter) ?? ''
  if (value === '') throw new EntraFault('parameter-missing', { parameter })
  return value
}

/** Both parts are form-encoded inside the Base64. Null for anything else. */
function parseBasic(
  header: string | undefined,
): { readonly clientId: string; readonly secret: string } | null {
  const encoded = /^Basic +([A-Za-z0-9+/=]+)$/i.exec(header ?? '')?.[1]
  if (encoded === undefined) return null
  const text = Buffer.from(encoded, 'base64').toString('utf8')
  const colon = text.indexOf(':')
  if (colon < 0) return null
  const [clientId, secret] = [formDecoded(text.slice(0, colon)), formDecoded(text.slice(colon + 1))]
  return clientId === null || secret === null ? null : { clientId, secret }
}

function formDecoded(text: string): string | null {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    // Not percent-encoding: the client sent no credential we could know.
    return null
  }
}
