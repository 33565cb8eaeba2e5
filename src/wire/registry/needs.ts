import type { AnyOperation } from '../../http/operation.ts'
import type { RegistryAction, RegistryCaller } from '../../services/registry/registry-caller.ts'

/**
 * What an operation needs: the action, on the repository that the path names as `{name+}`, or on the whole registry.
 * `push` is challenged for as `pull,push`.
 */
export interface RegistryNeed {
  readonly action: RegistryAction
  readonly repository: 'param' | null
}

/** `credential`: some credential that holds, whatever it may do. Null: public (the token endpoints). */
export type RegistryNeeds = RegistryNeed | 'credential' | null

export type RegistryOperation = AnyOperation<RegistryCaller, RegistryNeeds>
