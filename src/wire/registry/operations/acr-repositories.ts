import { operation } from '../../../http/operation.ts'
import type { JsonObject } from '../../../kernel/json.ts'
import type { RegistryCaller } from '../../../services/registry/registry-caller.ts'
import type { RegistryContent } from '../../../services/registry/registry-content.ts'
import type { RepositoryView } from '../../../services/registry/repository-attributes.ts'
import type { RegistryNeeds, RegistryOperation } from '../needs.ts'
import { repositoryOf } from '../paths.ts'
import { deletes, envelope, readAttributes, reads, time, writes } from './acr-shapes.ts'

const path = '/acr/v1/{name+}'

/** A repository's attributes, and its end. https://learn.microsoft.com/rest/api/containerregistry/container-registry */
export function acrRepositoryOperations(content: RegistryContent): readonly RegistryOperation[] {
  return [
    operation<RegistryCaller, RegistryNeeds, typeof path>({
      id: 'AcrGetRepository',
      method: 'GET',
      path: path,
      ...reads,
      async run(call) {
        const view = await content.getRepositoryView(repositoryOf(call), call.signal)
        return { status: 200, body: repositoryJson(call.caller, view) }
      },
    }),
    operation<RegistryCaller, RegistryNeeds, typeof path>({
      id: 'AcrUpdateRepository',
      method: 'PATCH',
      path: path,
      ...writes,
      async run(call) {
        const change = readAttributes(call.body.json)
        const view = await content.updateRepository(repositoryOf(call), change, call.signal)
        return { status: 200, body: repositoryJson(call.caller, view) }
      },
    }),
    operation<RegistryCaller, RegistryNeeds, typeof path>({
      id: 'AcrDeleteRepository',
      method: 'DELETE',
      path: path,
      ...deletes,
      async run(call) {
        const removed = await content.deleteRepository(repositoryOf(call), call.signal)
        return {
          status: 202,
          body: {
            manifestsDeleted: removed.map(({ digest }) => digest),
            tagsDeleted: removed.flatMap(({ tags }) => tags),
          },
        }
      },
    }),
  ]
}

function repositoryJson(caller: RegistryCaller, view: RepositoryView): JsonObject {
  return {
    ...envelope(caller, view.name),
    createdTime: time(view.createdAt ?? view.updatedAt),
    lastUpdateTime: time(view.updatedAt),
    manifestCount: view.manifests,
    tagCount: view.tags,
    changeableAttributes: { ...view.attributes },
  }
}
