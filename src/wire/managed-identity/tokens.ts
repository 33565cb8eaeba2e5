import type { Reply } from '../../http/operation.ts'
import { unixSeconds } from '../../kernel/clock.ts'
import type { IdentityChoice, IdentityEndpoint } from '../../services/directory/identity-endpoint.ts'
import { ManagedIdentityFault } from './faults.ts'

/** Every name that some version of some client uses for the same three things. */
const names = [
  ['client_id', 'client_id'],
  ['clientid', 'client_id'],
  ['object_id', 'object_id'],
  ['principal_id', 'object_id'],
  ['msi_res_id', 'msi_res_id'],
  ['mi_res_id', 'msi_res_id'],
] as const

/** @param parameters the query, or the form of a POST. @throws ManagedIdentityFault, and what `token` throws */
export async function identityToken(
  endpoint: Pick<IdentityEndpoint, 'token'>,
  parameters: URLSearchParams,
): Promise<Reply> {
  const resource = parameters.get('resource') ?? ''
  if (resource === '') throw new ManagedIdentityFault('resource-missing', {})
  const { issued, identity } = await endpoint.token(choiceOf(parameters), resource)
  return {
    status: 200,
    body: {
      access_token: issued.token,
      refresh_token: '',
      client_id: identity.appId,
      // Strings, all of them.
      expires_in: String(issued.lifetimeSeconds),
      expires_on: String(unixSeconds(issued.expiresAt)),
      ext_expires_in: String(issued.lifetimeSeconds),
      not_before: String(unixSeconds(issued.notBefore)),
      resource: issued.audience,
      token_type: 'Bearer',
    },
  }
}

function choiceOf(parameters: URLSearchParams): IdentityChoice {
  const named = names.flatMap(([name, by]) => {
    const value = parameters.get(name) ?? ''
    return value === '' ? [] : [{ by, value }]
  })
  if (named.length > 1) throw new ManagedIdentityFault('identity-named-twice', {})
  return named[0] ?? null
}
