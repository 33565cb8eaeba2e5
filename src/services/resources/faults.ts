import { Fault } from '../../kernel/fault.ts'

/**
 * What the resource manager and its providers refuse. `refused` carries ARM's own code, status and message, so that
 * a provider words its errors itself and the wire needs no table for each.
 * https://learn.microsoft.com/azure/azure-resource-manager/troubleshooting/common-deployment-errors
 */
export interface ResourceFaults {
  refused: {
    readonly status: number
    readonly code: string
    readonly message: string
    readonly target?: string
    /** More than one cause, or what to do next. */
    readonly details?: readonly { readonly code: string; readonly message: string }[]
  }
}
export class ResourceFault<K extends keyof ResourceFaults = keyof ResourceFaults> extends Fault<
  ResourceFaults,
  K
> {
  override readonly name = 'ResourceFault'
}

/** @returns a fault to throw. */
export function refused(
  status: number,
  code: string,
  message: string,
  more: {
    readonly target?: string
    readonly details?: readonly { readonly code: string; readonly message: string }[]
  } = {},
): ResourceFault {
  return new ResourceFault('refused', { status, code, message, ...more })
}

/** What was refused; null for anything else that was thrown. */
export function refusalOf(thrown: unknown): ResourceFaults['refused'] | null {
  return thrown instanceof ResourceFault ? (thrown as ResourceFault).facts : null
}
