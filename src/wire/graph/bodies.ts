import { z } from 'zod'
import type { Json } from '../../kernel/json.ts'
import { type Guid, parseGuid } from '../../kernel/guid.ts'
import { GraphFault } from './faults.ts'

const guid = z.string().transform((text, context): Guid => {
  const parsed = parseGuid(text)
  if (parsed !== null) return parsed
  context.addIssue({ code: 'custom', message: 'it is no GUID' })
  return z.NEVER
})
const time = z.iso.datetime({ offset: true, error: 'it is no time' }).transform((text) => new Date(text))
/** What would go unheeded, and matters: a certificate nobody could sign in with, a principal that is to be locked out. */
const empty = z.array(z.unknown()).max(0, 'only passwords made by addPassword are supported').nullish()

const audiences = {
  AzureADMyOrg: { isMultiTenant: false },
  AzureADMultipleOrgs: { isMultiTenant: true },
} as const
/** There are no personal accounts here: https://learn.microsoft.com/entra/identity-platform/supported-accounts-validation */
const signInAudience = z
  .enum(['AzureADMyOrg', 'AzureADMultipleOrgs'], 'it must be AzureADMyOrg or AzureADMultipleOrgs')
  .transform((audience) => audiences[audience].isMultiTenant)
  .nullish()

export const applicationBody = z.object({
  displayName: z.string('it is missing or no text'),
  signInAudience,
  keyCredentials: empty,
  passwordCredentials: empty,
})
export const applicationPatch = applicationBody.partial()
export const servicePrincipalBody = z.object({
  appId: guid,
  accountEnabled: z
    .union(
      [z.literal(true), z.stringFormat('true', /^true$/i)],
      'a service principal is enabled as long as it exists',
    )
    .nullish(),
  keyCredentials: empty,
  passwordCredentials: empty,
})
const text = z.string('it is missing or no text')
/** One audience, as Entra ID takes no more of them either. */
const oneAudience = z
  .array(text, 'it is missing or no list')
  .length(1, 'it must be one audience')
  .transform(([audience = '']) => audience)
export const federatedCredentialBody = z.object({
  name: text,
  issuer: text,
  subject: text,
  audiences: oneAudience,
  description: z.string().nullish(),
})
export const federatedCredentialPatch = federatedCredentialBody.partial()
export const addPasswordBody = z
  .object({
    passwordCredential: z
      .object({
        displayName: z.string().nullish(),
        startDateTime: time.nullish(),
        endDateTime: time.nullish(),
      })
      .nullish(),
  })
  .nullish()
export const removePasswordBody = z.object({ keyId: guid })
export const getByIdsBody = z.object({
  ids: z.array(z.string()).max(1_000, 'there are more than 1000'),
  types: z.array(z.string()).nullish(),
})

/** Unknown members are left alone, as Graph does with what it only reads back. @throws GraphFault `property-unsupported` */
export function parseBody<T>(schema: z.ZodType<T>, json: Json | undefined): T {
  const parsed = schema.safeParse(json)
  if (parsed.success) return parsed.data
  const [issue] = parsed.error.issues
  const property = issue?.path.join('.') ?? ''
  throw new GraphFault('property-unsupported', {
    property: property === '' ? 'body' : property,
    reason: issue?.message ?? '',
  })
}

/** @throws GraphFault `object-id-invalid` */
export function parseId(text: string): Guid {
  const id = parseGuid(text)
  if (id === null) throw new GraphFault('object-id-invalid', { id: text })
  return id
}
