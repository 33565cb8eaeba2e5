import { Fault } from '../../kernel/fault.ts'

/** What is wrong with a token or discovery request before the directory is asked. */
export interface EntraFaults {
  'parameter-missing': { readonly parameter: string }
  'parameter-repeated': { readonly parameter: string }
  'grant-unsupported': { readonly grantType: string }
  'credential-missing': Readonly<Record<string, never>>
  /** `client_assertion_type` is not that of a JWT. */
  'assertion-type-unknown': Readonly<Record<string, never>>
  'scope-invalid': { readonly scope: string }
  /** Of a discovery document, whose answer words it otherwise than the token endpoint's. */
  'discovery-tenant-unknown': { readonly tenant: string }
  'instance-unknown': Readonly<Record<string, never>>
}
export class EntraFault<K extends keyof EntraFaults = keyof EntraFaults> extends Fault<EntraFaults, K> {
  override readonly name = 'EntraFault'
}
