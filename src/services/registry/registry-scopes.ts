import type { RegistryAction } from './registry-caller.ts'

/** One entry of a token's `access` claim. */
export interface Scope {
  readonly type: 'repository' | 'registry'
  readonly name: string
  readonly actions: readonly RegistryAction[]
}

/**
 * The role action behind each. The catalog and a repository's metadata are read by whoever may pull, and written by
 * whoever may push, as with Azure's AcrPull and AcrPush.
 */
export const roleActions: Readonly<Record<RegistryAction, string>> = {
  pull: 'Microsoft.ContainerRegistry/registries/pull/read',
  push: 'Microsoft.ContainerRegistry/registries/push/write',
  delete: 'Microsoft.ContainerRegistry/registries/artifacts/delete',
  metadata_read: 'Microsoft.ContainerRegistry/registries/pull/read',
  metadata_write: 'Microsoft.ContainerRegistry/registries/push/write',
  catalog: 'Microsoft.ContainerRegistry/registries/pull/read',
}

export function isRegistryAction(value: unknown): value is RegistryAction {
  return typeof value === 'string' && Object.hasOwn(roleActions, value)
}

const repositoryActions = ['pull', 'push', 'delete', 'metadata_read', 'metadata_write'] as const
// Older az asks for these.
const synonyms: Readonly<Record<string, RegistryAction>> = {
  metadataRead: 'metadata_read',
  metadataWrite: 'metadata_write',
}
const MAX_SCOPES = 100

/**
 * Parses the `scope` parameters of a token request: several of them, each with several scopes (distribution token
 * authentication, section "Requesting a token"). What is not understood grants nothing and is left out.
 */
export function parseScopes(parameters: readonly string[]): readonly Scope[] {
  return parameters
    .flatMap((parameter) => parameter.split(' '))
    .slice(0, MAX_SCOPES)
    .flatMap((text) => parseScope(text) ?? [])
}

function parseScope(text: string): Scope | null {
  const found =
    /^(repository|artifact-repository|registry)(?:\([a-z]+\))?:([^:]{1,255}(?::\d+\/[^:]+)?):([a-zA-Z_,*]{1,200})$/.exec(
      text,
    )
  if (found?.[2] === undefined || found[3] === undefined) return null
  const asked = found[3].split(',')
  if (found[1] === 'registry') {
    return found[2] === 'catalog' && asked.includes('*')
      ? { type: 'registry', name: 'catalog', actions: ['catalog'] }
      : null
  }
  const actions = repositoryActions.filter(
    (action) => asked.includes('*') || asked.some((name) => name === action || synonyms[name] === action),
  )
  return actions.length === 0 ? null : { type: 'repository', name: found[2], actions }
}

/** Who may pull may read the metadata too: OCI's clients ask for `pull` alone and then list tags. */
export function scopesAllow(
  scopes: readonly Scope[],
  action: RegistryAction,
  repository: string | null,
): boolean {
  return scopes.some(
    (scope) =>
      (scope.actions.includes(action) || (action === 'metadata_read' && scope.actions.includes('pull'))) &&
      (action === 'catalog'
        ? scope.type === 'registry'
        : scope.type === 'repository' && scope.name === repository),
  )
}
