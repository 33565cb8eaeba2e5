import { type AnyOperation, type Reply, operation } from '../../../http/operation.ts'
import { unixSeconds } from '../../../kernel/clock.ts'
import { KIB } from '../../../kernel/units.ts'
import type { IssuedToken } from '../../../services/directory/token-endpoint.ts'
import type { EntraDeps } from '../deps.ts'
import { parseTokenRequest } from '../token-request.ts'

const body = { kind: 'form', maxBytes: 64 * KIB } as const
/** RFC 6749 section 5.1. */
const uncached = { 'cache-control': 'no-store, no-cache', pragma: 'no-cache', expires: '-1' }

/** https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow */
export function tokenOperations({ directory }: EntraDeps): readonly AnyOperation<null>[] {
  /** The tenant is not in the path: it is the application's own. */
  const adfsToken = (id: string, path: string) =>
    operation({
      id,
      method: 'POST',
      path,
      needs: null,
      body,
      async run({ head, body: { form } }) {
        const request = parseTokenRequest(head, form, ['scope', 'resource'])
        return versionTwo(await directory.clientCredentials({ ...request, tenant: null }))
      },
    })
  return [
    adfsToken('AdfsToken', '/adfs/oauth2/token'),
    adfsToken('AdfsTokenV2', '/adfs/oauth2/v2.0/token'),
    operation({
      id: 'TokenV2',
      method: 'POST',
      path: '/{tenant}/oauth2/v2.0/token',
      needs: null,
      body,
      async run({ head, params: { tenant }, body: { form } }) {
        const request = parseTokenRequest(head, form, ['scope'])
        return versionTwo(await directory.clientCredentials({ ...request, tenant }))
      },
    }),
    operation({
      id: 'TokenV1',
      method: 'POST',
      path: '/{tenant}/oauth2/token',
      needs: null,
      body,
      async run({ head, params: { tenant }, body: { form } }) {
        const request = parseTokenRequest(head, form, ['resource'])
        return versionOne(await directory.clientCredentials({ ...request, tenant }))
      },
    }),
  ]
}

function versionTwo({ token, lifetimeSeconds }: IssuedToken): Reply {
  return {
    status: 200,
    headers: uncached,
    body: {
      token_type: 'Bearer',
      expires_in: lifetimeSeconds,
      ext_expires_in: lifetimeSeconds,
      access_token: token,
    },
  }
}

/** Numbers are strings there. */
function versionOne({ token, lifetimeSeconds, expiresAt, notBefore, audience }: IssuedToken): Reply {
  return {
    status: 200,
    headers: uncached,
    body: {
      token_type: 'Bearer',
      expires_in: String(lifetimeSeconds),
      ext_expires_in: String(lifetimeSeconds),
      expires_on: String(unixSeconds(expiresAt)),
      not_before: String(unixSeconds(notBefore)),
      resource: audience,
      access_token: token,
    },
  }
}
