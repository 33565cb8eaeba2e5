import { type RequestHead, operation } from '../../../http/operation.ts'
import { azureTime } from '../../../kernel/clock.ts'
import { type JsonObject, isJsonObject } from '../../../kernel/json.ts'
import { KIB } from '../../../kernel/units.ts'
import type { Attributes } from '../../../services/registry/attributes.ts'
import { getDigest } from '../../../services/registry/digest.ts'
import { RegistryFault } from '../../../services/registry/faults.ts'
import type { ManifestView } from '../../../services/registry/manifest-attributes.ts'
import type { RegistryCaller } from '../../../services/registry/registry-caller.ts'
import type { RegistryContent } from '../../../services/registry/registry-content.ts'
import type { RepositoryView } from '../../../services/registry/repository-attributes.ts'
import type { ListOrder, ListPosition, TagView } from '../../../services/registry/tags.ts'
import type { RegistryNeeds, RegistryOperation } from '../needs.ts'
import { nextLink, pageSize } from '../paging.ts'
import { repositoryOf } from '../paths.ts'

const repositoryPath = '/acr/v1/{name+}'
const tagsPath = '/acr/v1/{name+}/_tags'
const tagPath = '/acr/v1/{name+}/_tags/{tag}'
const manifestsPath = '/acr/v1/{name+}/_manifests'
const manifestPath = '/acr/v1/{name+}/_manifests/{digest}'
const reads = { needs: { action: 'metadata_read', repository: 'param' }, body: { kind: 'none' } } as const
const writes = {
  needs: { action: 'metadata_write', repository: 'param' },
  body: { kind: 'json', maxBytes: 64 * KIB },
} as const
const deletes = { needs: { action: 'delete', repository: 'param' }, body: { kind: 'none' } } as const
const PAGE = 100

/** Azure's own API of a registry's content: https://learn.microsoft.com/rest/api/containerregistry/ (2021-07-01). */
export function acrOperations(content: RegistryContent): readonly RegistryOperation[] {
  // More specific paths come first: a repository's name takes in slashes.
  return [...tagOperations(content), ...manifestOperations(content), ...repositoryOperations(content)]
}

function repositoryOperations(content: RegistryContent): readonly RegistryOperation[] {
  return [
    operation<RegistryCaller, RegistryNeeds, typeof repositoryPath>({
      id: 'AcrGetRepository',
      method: 'GET',
      path: repositoryPath,
      ...reads,
      async run(call) {
        const view = await content.getRepositoryView(repositoryOf(call), call.signal)
        return { status: 200, body: repositoryJson(call.caller, view) }
      },
    }),
    operation<RegistryCaller, RegistryNeeds, typeof repositoryPath>({
      id: 'AcrUpdateRepository',
      method: 'PATCH',
      path: repositoryPath,
      ...writes,
      async run(call) {
        const change = readAttributes(call.body.json)
        const view = await content.updateRepository(repositoryOf(call), change, call.signal)
        return { status: 200, body: repositoryJson(call.caller, view) }
      },
    }),
    operation<RegistryCaller, RegistryNeeds, typeof repositoryPath>({
      id: 'AcrDeleteRepository',
      method: 'DELETE',
      path: repositoryPath,
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

function tagOperations(content: RegistryContent): readonly RegistryOperation[] {
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

function manifestOperations(content: RegistryContent): readonly RegistryOperation[] {
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

const orders: Readonly<Record<string, ListOrder>> = { timeasc: 'oldest', timedesc: 'newest' }

function listing(head: RequestHead): {
  readonly order: ListOrder
  readonly limit: number
  readonly after: ListPosition | null
} {
  const { query } = head
  const last = query.get('last')
  const at = query.get('at')
  return {
    order: orders[(query.get('orderby') ?? '').toLowerCase()] ?? 'key',
    limit: pageSize(head, PAGE),
    after:
      last === null || last === ''
        ? null
        : { key: last, at: at !== null && /^\d{1,15}$/.test(at) ? Number(at) : null },
  }
}

/** `at` keeps the place in an order by time when the last row of a page is gone before the next is asked for. */
function linkTo(path: string, head: RequestHead, next: ListPosition | null): Record<string, string> {
  if (next === null) return {}
  const orderby = head.query.get('orderby')
  const digest = head.query.get('digest')
  const { order, limit } = listing(head)
  return nextLink(path, { last: next.key, n: limit, orderby, digest, at: order === 'key' ? null : next.at })
}

/** Only what is named changes; what the service does not know is ignored. @throws RegistryFault `attributes-invalid` */
function readAttributes(json: unknown): Partial<Attributes> {
  if (json === undefined) return {}
  if (!isJsonObject(json))
    throw new RegistryFault('attributes-invalid', { reason: 'the body is not an object' })
  const names = ['deleteEnabled', 'writeEnabled', 'readEnabled', 'listEnabled'] as const
  const change: { -readonly [K in keyof Attributes]?: boolean } = {}
  for (const name of names) {
    const value = json[name]
    if (value === undefined || value === null) continue
    if (typeof value !== 'boolean') {
      throw new RegistryFault('attributes-invalid', { reason: `${name} is not true or false` })
    }
    change[name] = value
  }
  return change
}

function envelope({ registry }: RegistryCaller, name: string): JsonObject {
  return { registry: registry.loginServer, imageName: name }
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

function time(milliseconds: number): string {
  return azureTime(new Date(milliseconds))
}
