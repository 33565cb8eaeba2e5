import { operation } from '../../../http/operation.ts'
import type { JsonObject } from '../../../kernel/json.ts'
import { getDigest } from '../../../services/registry/digest.ts'
import type { RegistryCaller } from '../../../services/registry/registry-caller.ts'
import type { RegistryContent } from '../../../services/registry/registry-content.ts'
import type { TagView } from '../../../services/registry/tags.ts'
import type { RegistryNeeds, RegistryOperation } from '../needs.ts'
import { repositoryOf } from '../paths.ts'
import { deletes, envelope, linkTo, listing, readAttributes, reads, time, writes } from './acr-shapes.ts'

const tagsPath = '/acr/v1/{name+}/_tags'
const tagPath = '/acr/v1/{name+}/_tags/{tag}'

/** A repository's tags and their locks. https://learn.microsoft.com/rest/api/containerregistry/container-registry */
export function acrTagOperations(content: RegistryContent): readonly RegistryOperation[] {
  return [
    operation<RegistryCaller, RegistryNeeds, typeof tagsPath>({
      id: 'AcrListTags',
      method: 'GET',
      path: tagsPath,
      ...reads,
      async run(call) {
        const { head, caller } = call
        const at = repositoryOf(call)
        const named = head.query.get('digest')
        const digest = named === null || named === '' ? null : getDigest(named)
        const { items, next } = await content.listTags({ ...at, ...listing(head), digest }, call.signal)
        return {
          status: 200,
          headers: linkTo(`/acr/v1/${at.name}/_tags`, head, next),
          body: { ...envelope(caller, at.name), tags: items.map(tagJson) },
        }
      },
    }),
    operation<RegistryCaller, RegistryNeeds, typeof tagPath>({
      id: 'AcrGetTag',
      method: 'GET',
      path: tagPath,
      ...reads,
      async run(call) {
        const at = repositoryOf(call)
        const tag = await content.getTag({ ...at, tag: call.params.tag }, call.signal)
        return { status: 200, body: { ...envelope(call.caller, at.name), tag: tagJson(tag) } }
      },
    }),
    operation<RegistryCaller, RegistryNeeds, typeof tagPath>({
      id: 'AcrUpdateTag',
      method: 'PATCH',
      path: tagPath,
      ...writes,
      async run(call) {
        const at = repositoryOf(call)
        const change = readAttributes(call.body.json)
        const tag = await content.updateTag({ ...at, tag: call.params.tag }, change, call.signal)
        return { status: 200, body: { ...envelope(call.caller, at.name), tag: tagJson(tag) } }
      },
    }),
    operation<RegistryCaller, RegistryNeeds, typeof tagPath>({
      id: 'AcrDeleteTag',
      method: 'DELETE',
      path: tagPath,
      ...deletes,
      async run(call) {
        await content.deleteTag({ ...repositoryOf(call), tag: call.params.tag }, call.signal)
        return { status: 202 }
      },
    }),
  ]
}

function tagJson({ name, digest, createdAt, updatedAt, attributes }: TagView): JsonObject {
  return {
    name,
    digest,
    createdTime: time(createdAt),
    lastUpdateTime: time(updatedAt),
    signed: false,
    changeableAttributes: { ...attributes },
  }
}
