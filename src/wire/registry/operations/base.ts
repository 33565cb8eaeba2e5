import { operation } from '../../../http/operation.ts'
import type { RegistryCaller } from '../../../services/registry/registry-caller.ts'
import type { RegistryNeeds, RegistryOperation } from '../needs.ts'

/** Tells that this is a registry, to whoever has a credential. OCI distribution-spec 1.1, "Determining Support". */
export const baseOperation: RegistryOperation = operation<RegistryCaller, RegistryNeeds, '/v2'>({
  id: 'Base',
  method: 'GET',
  path: '/v2',
  needs: 'credential',
  body: { kind: 'none' },
  run: async () => ({ status: 200, body: {} }),
})
