import { type Guid, parseGuid } from '../../kernel/guid.ts'

/** A resource's ARM id, taken apart. Letter case as written; compare by `key`. */
export interface ResourceId {
  /** `/subscriptions/…/resourceGroups/…/providers/…`, the fixed words as ARM spells them. */
  readonly id: string
  /** `id` in lower case: equal for ids that name the same resource. */
  readonly key: string
  readonly subscriptionId: Guid
  readonly resourceGroup: string
  /** `Microsoft.KeyVault/vaults`, `Microsoft.KeyVault/vaults/accessPolicies`. */
  readonly type: string
  /** The last segment. */
  readonly name: string
  /** Of the resource that a nested one lives in. */
  readonly parent: ResourceId | null
}

const MAX_NESTING = 8
// What ARM refuses in a name, besides what ends a path segment.
// eslint-disable-next-line no-control-regex -- control characters are refused too
const unfit = /[<>*%&:\\?#/\u0000-\u001f]/

/** What may be one segment of an id: 1 to 260 characters, none of those that ARM refuses. */
function isNameSegment(text: string): boolean {
  return text.length > 0 && text.length <= 260 && !unfit.test(text) && text.trim() === text
}

export function groupId(subscriptionId: string, resourceGroup: string): string {
  return `/subscriptions/${subscriptionId}/resourceGroups/${resourceGroup}`
}

/**
 * Reads the id of a resource in a group, in any letter case.
 * @returns null for anything else: a group's id, an odd number of segments, an unfit name
 */
export function parseResourceId(text: string): ResourceId | null {
  const found = /^\/subscriptions\/([^/]+)\/resourceGroups\/([^/]+)\/providers\/([^/]+)\/(.+?)\/?$/i.exec(
    text,
  )
  if (found === null) return null
  const [, subscription = '', resourceGroup = '', namespace = '', rest = ''] = found
  const subscriptionId = parseGuid(subscription)
  const segments = rest.split('/')
  if (subscriptionId === null || !isNameSegment(resourceGroup)) return null
  if (segments.length % 2 !== 0 || segments.length > 2 * MAX_NESTING) return null
  return resourceId({ subscriptionId, resourceGroup, namespace }, pairs(segments))
}

/** The id of a resource by its full type and its names, one a level. @returns null when they do not match up */
export function composeResourceId(
  group: { readonly subscriptionId: Guid; readonly resourceGroup: string },
  type: string,
  names: readonly string[],
): ResourceId | null {
  const [namespace = '', ...types] = type.split('/')
  if (types.length !== names.length || types.length > MAX_NESTING || !isNameSegment(group.resourceGroup)) {
    return null
  }
  return resourceId(
    { ...group, namespace },
    types.map((part, index) => [part, names[index] ?? '']),
  )
}

function resourceId(
  place: { readonly subscriptionId: Guid; readonly resourceGroup: string; readonly namespace: string },
  levels: readonly (readonly [string, string])[],
): ResourceId | null {
  if (!isNameSegment(place.namespace)) return null
  let id = `${groupId(place.subscriptionId, place.resourceGroup)}/providers/${place.namespace}`
  let type = place.namespace
  let made: ResourceId | null = null
  for (const [part, name] of levels) {
    if (!isNameSegment(part) || !isNameSegment(name)) return null
    id += `/${part}/${name}`
    type += `/${part}`
    made = {
      id,
      key: id.toLowerCase(),
      subscriptionId: place.subscriptionId,
      resourceGroup: place.resourceGroup,
      type,
      name,
      parent: made,
    }
  }
  return made
}

function pairs(segments: readonly string[]): [string, string][] {
  const levels: [string, string][] = []
  for (let index = 0; index + 1 < segments.length; index += 2) {
    levels.push([segments[index] ?? '', segments[index + 1] ?? ''])
  }
  return levels
}
