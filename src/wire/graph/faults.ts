import { Fault } from '../../kernel/fault.ts'

/** What is wrong with a request before the directory is asked. */
export interface GraphFaults {
  'token-missing': Readonly<Record<string, never>>
  'object-id-invalid': { readonly id: string }
  'filter-unsupported': { readonly filter: string }
  'page-invalid': { readonly option: string }
  'property-unsupported': { readonly property: string; readonly reason: string }
  /** `/me` of a caller that is no user. */
  'not-delegated': Readonly<Record<string, never>>
}
export class GraphFault<K extends keyof GraphFaults = keyof GraphFaults> extends Fault<GraphFaults, K> {
  override readonly name = 'GraphFault'
}
