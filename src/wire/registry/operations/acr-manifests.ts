import { operation } from '../../../http/operation.ts'
import type { JsonObject } from '../../../kernel/json.ts'
import { getDigest } from '../../../services/registry/digest.ts'
import type { ManifestView } from '../../../services/registry/manifest-attributes.ts'
import type { RegistryCaller } from '../../../services/registry/registry-caller.ts'
import type { RegistryContent } from '../../../services/registry/registry-content.ts'
import type { RegistryNeeds, RegistryOperation } from '../needs.ts'
import { repositoryOf } from '../paths.ts'
import { deletes, envelope, linkTo, listing, readAttributes, reads, time, writes } from './acr-shapes.ts'

const manifestsPath = '/acr/v1/{name+}/_manifests'
const manifestPath = '/acr/v1/{name+}/_manifests/{digest}'

/** A repository's manifests and their locks. https://learn.microsoft.com/rest/api/containerregistry/container-registry */
export function acrManifestOperations(content: RegistryContent): readonly RegistryOperation[] {
  return [
    operation<RegistryCaller, RegistryNeeds, typeof manifestsPath>({
      id: 'AcrListManifests',
      method: 'GET',
      path: manifestsPath,
      ...reads,
      async run(call) {
        const { head, caller } = call
        const at = repositoryOf(call)
        const { items, next } = await content.listManifests({ ...at, ...listing(head) }, call.signal)
        return {
          status: 200,
          headers: linkTo(`/acr/v1/${at.name}/_manifests`, head, next),
          body: { ...envelope(caller, at.name), manifests: items.map(manifestJson) },
        }
      },
    }),
    operation<RegistryCaller, RegistryNeeds, typeof manifestPath>({
      id: 'AcrGetManifest',
      method: 'GET',
      path: manifestPath,
      ...reads,
      async run(call) {
        const at = repositoryOf(call)
        const view = await content.getManifestView(
          { ...at, digest: getDigest(call.params.digest) },
          call.signal,
        )
        return { status: 200, body: { ...envelope(call.caller, at.name), manifest: manifestJson(view) } }
      },
    }),
    operation<RegistryCaller, RegistryNeeds, typeof manifestPath>({
      id: 'AcrUpdateManifest',
      method: 'PATCH',
      path: manifestPath,
      ...writes,
      async run(call) {
        const at = repositoryOf(call)
        const change = readAttributes(call.body.json)
        const digest = getDigest(call.params.digest)
        const view = await content.updateManifest({ ...at, digest }, change, call.signal)
        return { status: 200, body: { ...envelope(call.caller, at.name), manifest: manifestJson(view) } }
      },
    }),
    operation<RegistryCaller, RegistryNeeds, typeof manifestPath>({
      id: 'AcrDeleteManifest',
      method: 'DELETE',
      path: manifestPath,
      ...deletes,
      async run(call) {
        const digest = getDigest(call.params.digest)
        await content.deleteManifest({ ...repositoryOf(call), digest }, call.signal)
        return { status: 202 }
      },
    }),
  ]
}

function manifestJson(view: ManifestView): JsonObject {
  const { architecture, os, configMediaType, children } = view
  return {
    digest: view.digest,
    imageSize: view.imageSize,
    createdTime: time(view.createdAt),
    lastUpdateTime: time(view.updatedAt),
    ...(architecture === null ? {} : { architecture }),
    ...(os === null ? {} : { os }),
    mediaType: view.mediaType,
    ...(configMediaType === null ? {} : { configMediaType }),
    ...(children.length === 0 ? {} : { references: children.map((child) => ({ ...child })) }),
    tags: [...view.tags],
    changeableAttributes: { ...view.attributes },
  }
}
