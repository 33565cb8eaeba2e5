import type { Guid } from '../../kernel/guid.ts'
import type { Json, JsonObject } from '../../kernel/json.ts'
import type { Page } from '../../kernel/page.ts'
import type { Caller } from '../directory/caller.ts'

/** A resource as the resource manager keeps it. */
export interface Resource {
  /** ARM id in the letter case of its creation, `resourceGroups` and `subscriptions` spelled as ARM does. */
  readonly id: string
  /** Made at creation, never used again: what keys and data are bound to. 32 hex digits. */
  readonly uid: string
  readonly subscriptionId: Guid
  readonly tenantId: Guid
  readonly resourceGroup: string
  /** `Microsoft.KeyVault/vaults` */
  readonly type: string
  readonly name: string
  readonly location: string
  readonly tags: Readonly<Record<string, string>>
  readonly sku: JsonObject | null
  readonly kind: string | null
  readonly identity: ResourceIdentity | null
  /** The provider's own document, in the provider's own (stored) form. */
  readonly properties: JsonObject
  readonly createdAt: Date
  readonly createdBy: Guid
  readonly modifiedAt: Date
  readonly modifiedBy: Guid
}

/** The managed identities of a resource, as resolved by the engine. */
export interface ResourceIdentity {
  readonly system: { readonly principalId: Guid; readonly clientId: Guid } | null
  readonly user: readonly {
    readonly resourceId: string
    readonly principalId: Guid
    readonly clientId: Guid
  }[]
}

export interface ProviderCall {
  readonly caller: Caller
  readonly apiVersion: string
  /** Of the request: names its activity log entries. */
  readonly correlationId: string
  readonly remoteAddress: string
  /** Of the request, as it came: `"0x8D..."` or `*`. For what is guarded by an entity tag. */
  readonly ifMatch: string | null
  readonly signal: AbortSignal
}

export interface WriteCall extends ProviderCall {
  /**
   * The resource as it will be: envelope (location, tags, sku, kind, identity) already checked and merged by the
   * engine; `properties` still as stored before (empty object at creation).
   */
  readonly resource: Resource
  /** Null at creation. */
  readonly existing: Resource | null
  /** The body's `properties` as sent: any letter case, read-only members included. */
  readonly properties: JsonObject
  /** The whole body as sent. */
  readonly body: JsonObject
}

/** What to store. The engine commits it; a provider's own effects come before and must bear being repeated. */
export interface Written {
  readonly properties: JsonObject
  readonly sku?: JsonObject | null
  readonly kind?: string | null
  /** A resource that comes back, such as a recovered vault, has its former uid again; the fresh one is dropped. */
  readonly uid?: string
  /** Its former tags, when it comes back and the body names none. */
  readonly tags?: Readonly<Record<string, string>>
  /**
   * For a child that is only a way to change its parent (`vaults/accessPolicies`): no row is made for it. Called with
   * the parent's properties inside the committing transaction, so nothing that is written at the same time is lost; its
   * result takes their place, and the parent's `committed` is called. Throws to refuse.
   */
  readonly changeParent?: (properties: JsonObject) => JsonObject
}

export interface ActionCall extends ProviderCall {
  readonly resource: Resource
  readonly query: URLSearchParams
  readonly body: Json | undefined
}

/** A call below a subscription, a location or a resource type rather than on a resource. */
export interface ScopeCall extends ProviderCall {
  readonly subscriptionId: Guid
  readonly tenantId: Guid
  /** Placeholders of the path. */
  readonly params: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  readonly body: Json | undefined
}

export interface ProviderReply {
  readonly status: number
  readonly body?: Json
  /** 202: the client polls `Location`; the engine makes the operation's address. */
  readonly headers?: Readonly<Record<string, string>>
}

/** One resource type. Everything about it is in its provider's folder; the engine and the wire know none by name. */
export interface ResourceType {
  /** Full type: `Microsoft.KeyVault/vaults`, `Microsoft.KeyVault/vaults/accessPolicies`. */
  readonly type: string
  readonly apiVersions: readonly string[]
  /** Whether names are unique over the installation (they become host names). */
  readonly globalName: boolean
  /** @returns null when the name is fine, else the error code and message of the protocol */
  checkName(name: string): { readonly code: string; readonly message: string } | null
  /** How the protocol words that a global name is in use. Left out: `NameNotAvailable`. */
  nameTaken?(name: string): { readonly code: string; readonly message: string }
  readonly identities: 'none' | 'system-and-user' | 'system-and-one-user'
  /** What a PUT that made one is answered with; left out: 201. clients take nothing but 200 of a storage account. */
  readonly createdStatus?: 200

  /** Has no location, tags or authors of its own and stands in no list but its parent's: ARM's proxy resource. */
  readonly isProxy?: true
  /** DELETE answers with what was there. */
  readonly showsDeleted?: true
  /** It goes with its parent only: DELETE is 405. */
  readonly isPermanent?: true
  /** For children of which no row is kept: `put`, `patch` and `delete` do all there is to do, nothing is committed. */
  readonly elsewhere?: Elsewhere

  /** PUT: creates or replaces. @throws ResourceFault, or the provider's own fault (mapped by `ProviderFault`) */
  put(call: WriteCall): Promise<Written>
  /** PATCH: changes what is named. Left out: 405. */
  patch?(call: WriteCall): Promise<Written>
  /** Before the row goes; throws to refuse. Left out: nothing more to do. */
  delete?(call: ProviderCall & { readonly resource: Resource }): Promise<void>
  /** After PUT or DELETE is committed: take up the change (drop caches, push to watchers). */
  committed?(resource: Resource, change: 'put' | 'deleted'): void
  /** The wire form of `properties` (and of other members, if it must) in that api-version. */
  present(resource: Resource, apiVersion: string): Promise<{ readonly properties: JsonObject } & JsonObject>
  /** POST (or GET, for `listUsages`) on the resource: `.../registries/r1/listCredentials`. */
  readonly actions?: Readonly<Record<string, ResourceAction>>
}

/** Where children are that have no rows of their own: in a data plane, or among the settings of their parent. */
export interface Elsewhere {
  /** @returns its properties, for `present`; null when there is none */
  find(place: ElsewherePlace, signal: AbortSignal): Promise<JsonObject | null>
  /** In the order of names. `place.names` ends with the parent's. */
  list(place: ElsewherePlace, request: ElsewhereList, signal: AbortSignal): Promise<Page<ElsewhereItem>>
}

export interface ElsewherePlace {
  /** The nearest one around it that has a row. */
  readonly owner: Resource
  /** Of the levels below `owner`, its own last. */
  readonly names: readonly string[]
}

export interface ElsewhereList {
  /** Where to go on: `next` of the page before. */
  readonly after: string | null
  readonly limit: number
  /** Of the request: `$filter`, `$include`. */
  readonly query: URLSearchParams
}

export interface ElsewhereItem {
  readonly name: string
  readonly properties: JsonObject
}

export interface ResourceAction {
  readonly method: 'POST' | 'GET' | 'PUT'
  /** The RBAC action it needs on the resource: `Microsoft.ContainerRegistry/registries/listCredentials/action`. */
  readonly needs: string
  run(call: ActionCall): Promise<ProviderReply>
}

export interface ScopeAction {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** Below `/subscriptions/{id}/providers/<namespace>/`: `checkNameAvailability`, `locations/{location}/deletedVaults/{name}/purge`. */
  readonly path: string
  /** The RBAC action it needs on the subscription. */
  readonly needs: string
  run(call: ScopeCall): Promise<ProviderReply>
}

/** A resource provider: one namespace, its types, its calls below the subscription. */
export interface ResourceProvider {
  readonly namespace: string
  readonly types: readonly ResourceType[]
  readonly scopeActions: readonly ScopeAction[]
}

/** How a provider reads other resources. Answers what is committed. */
export interface ResourceReader {
  findById(id: string): Promise<Resource | null>
  findByUid(uid: string): Promise<Resource | null>
  /** Only for types with global names. */
  findByGlobalName(type: string, name: string): Promise<Resource | null>
  /** Of one type, all of the installation. */
  listByType(type: string): Promise<readonly Resource[]>
}
