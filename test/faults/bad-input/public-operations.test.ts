import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import {
  type Route,
  type Target,
  allRoutes,
  filled,
  formProblem,
  openTarget,
  roleOf,
} from '../../support/hostile.ts'

/** Each for a reason: discovery and sign-in bear their own credential, or are what a client learns where to sign in from. */
const publicOperations = [
  // What CORS allows, whatever the account, and never more than that.
  'blob: PreflightBlobRequest OPTIONS /',
  'blob: PreflightBlobRequest OPTIONS /{any+}',
  'entra: AdfsDiscovery GET /adfs/.well-known/openid-configuration',
  'entra: AdfsToken POST /adfs/oauth2/token',
  'entra: AdfsTokenV2 POST /adfs/oauth2/v2.0/token',
  'entra: DiscoveryV1 GET /{tenant}/.well-known/openid-configuration',
  'entra: DiscoveryV2 GET /{tenant}/v2.0/.well-known/openid-configuration',
  'entra: InstanceDiscovery GET /common/discovery/instance',
  'entra: KeysV1 GET /{tenant}/discovery/keys',
  'entra: KeysV2 GET /{tenant}/discovery/v2.0/keys',
  'entra: TokenV1 POST /{tenant}/oauth2/token',
  'entra: TokenV2 POST /{tenant}/oauth2/v2.0/token',
  'registry: ExchangeToken POST /oauth2/exchange',
  'registry: GetToken GET /oauth2/token',
  'registry: PostToken POST /oauth2/token',
  'resource-manager: GetMetadataEndpoints GET /metadata/endpoints',
  // Of accounts whose owner has switched their website on.
  'website: GetPage GET /',
  'website: GetPage GET /{page+}',
]

describe('what anybody may ask', () => {
  let target: Target
  beforeAll(async () => {
    target = await openTarget()
  })
  afterAll(() => target[Symbol.asyncDispose]())

  it('is this list and nothing else', () => {
    const open = allRoutes().filter(({ needs }) => needs === null)
    const named = open.map(({ protocol, id, method, path }) => `${protocol}: ${id} ${method} ${path}`)
    expect(named.sort()).toEqual(publicOperations)
  })

  const closed = allRoutes().filter(({ needs, host }) => needs !== null && host !== null)

  it.each([
    ['no credential', undefined],
    ['an empty bearer', 'Bearer '],
    ['a bearer that is no token', 'Bearer nothing'],
    ['a token without a signature', `Bearer ${encoded({ alg: 'none' })}.${encoded({ oid: 'x' })}.`],
    ['a wrong password', `Basic ${Buffer.from('registry1:wrong').toString('base64')}`],
    ['another scheme', 'Negotiate abcd'],
  ])('every other operation answers %s with 401 and its own form', async (_what, authorization) => {
    expect(closed.length).toBeGreaterThan(110)
    const headers = {
      'x-ms-version': '2026-10-06',
      ...(authorization === undefined ? {} : { authorization }),
    }
    const wrong: string[] = []
    const ask = async (route: Route) => {
      const answer = await target.send({
        role: roleOf(target, route),
        method: route.method,
        path: filled(target, route),
        headers,
      })
      const problem = route.method === 'HEAD' ? null : formProblem(route.protocol, answer)
      const isChallenged = answer.headers['www-authenticate'] !== undefined
      // Storage tells of a header that is none of its schemes that it is malformed.
      const isMalformed = route.protocol === 'blob' && answer.status === 400
      const isRefused = isMalformed || (answer.status === 401 && isChallenged)
      if (!isRefused || problem !== null) {
        wrong.push(
          `${route.id} ${route.path}: ${answer.status} ${problem ?? ''} ${answer.text.slice(0, 100)}`,
        )
      }
    }
    for (const route of closed) await ask(route)
    expect(wrong).toEqual([])
    expect(target.bugs()).toEqual([])
  })
})

function encoded(value: object): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url')
}
