import { Fault } from '../../kernel/fault.ts'

/** What is wrong with a request before the directory is asked. */
export interface ManagedIdentityFaults {
  'metadata-header-missing': Readonly<Record<string, never>>
  'secret-wrong': Readonly<Record<string, never>>
  /** Came by way of a proxy, or under a name that is not this machine's own. */
  'not-local': Readonly<Record<string, never>>
  'resource-missing': Readonly<Record<string, never>>
  'identity-named-twice': Readonly<Record<string, never>>
}
export class ManagedIdentityFault<
  K extends keyof ManagedIdentityFaults = keyof ManagedIdentityFaults,
> extends Fault<ManagedIdentityFaults, K> {
  override readonly name = 'ManagedIdentityFault'
}
