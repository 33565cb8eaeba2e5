import type { Protocol } from '../../http/operation.ts'
import type { RegistryCaller } from '../../services/registry/registry-caller.ts'
import type { RegistryContent } from '../../services/registry/registry-content.ts'
import { type AuthDeps, admit } from './auth.ts'
import { fail } from './errors.ts'
import { headers } from './headers.ts'
import type { RegistryNeeds, RegistryOperation } from './needs.ts'
import { acrManifestOperations } from './operations/acr-manifests.ts'
import { acrRepositoryOperations } from './operations/acr-repositories.ts'
import { acrTagOperations } from './operations/acr-tags.ts'
import { baseOperation } from './operations/base.ts'
import { blobOperations } from './operations/blobs.ts'
import { listOperations } from './operations/lists.ts'
import { manifestOperations } from './operations/manifests.ts'
import { referrersOperation } from './operations/referrers.ts'
import { tokenOperations } from './operations/token.ts'
import { uploadOperations } from './operations/uploads.ts'

export interface RegistryProtocolDeps {
  readonly content: RegistryContent
  readonly auth: AuthDeps
}

/** Container registry: OCI distribution 1.1 and ACR's own API, on `<registry>.azurecr.<domain>`. */
export function registryProtocol({
  content,
  auth,
}: RegistryProtocolDeps): Protocol<RegistryCaller, RegistryNeeds> {
  return {
    name: 'registry',
    operations: [...tokenOperations(auth), ...contentOperations(content)],
    ignoreCase: false,
    admit: (head, matched) => admit(auth, head, matched),
    fail,
    headers,
  }
}

/** All but the token endpoints. */
export function contentOperations(content: RegistryContent): readonly RegistryOperation[] {
  return [
    baseOperation,
    ...listOperations(content),
    ...uploadOperations(content),
    ...blobOperations(content),
    ...manifestOperations(content),
    referrersOperation(content),
    // A repository's name takes in slashes: what has more to its path comes first.
    ...acrTagOperations(content),
    ...acrManifestOperations(content),
    ...acrRepositoryOperations(content),
  ]
}
