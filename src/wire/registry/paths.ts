import type { Call } from '../../http/operation.ts'
import type { RepositoryPath } from '../../services/registry/content-deps.ts'
import { assertRepositoryName } from '../../services/registry/names.ts'
import type { RegistryCaller } from '../../services/registry/registry-caller.ts'

/** @throws RegistryFault `name-invalid` */
export function repositoryOf({
  caller,
  params,
}: Pick<Call<RegistryCaller, { readonly name: string }>, 'caller' | 'params'>): RepositoryPath {
  assertRepositoryName(params.name, caller.registry)
  return { registry: caller.registry, name: params.name }
}

export function blobLocation(name: string, digest: string): string {
  return `/v2/${name}/blobs/${digest}`
}

/** Relative, as all locations: Azure's SDK appends it to its endpoint. */
export function uploadLocation(name: string, uploadId: string): string {
  return `/v2/${name}/blobs/uploads/${uploadId}`
}

export function manifestLocation(name: string, digest: string): string {
  return `/v2/${name}/manifests/${digest}`
}
