import { type Json, isJsonObject, member } from '../../kernel/json.ts'
import { type ResourceFault, refused } from '../resources/faults.ts'
import type { ActionCall, ProviderReply, Resource, ResourceAction } from '../resources/provider.ts'
import { CONTAINER_TYPE } from './container-document.ts'
import type { ContainersPort } from './ports.ts'
import type { StorageAccount } from './storage-account.ts'

export interface LegalHoldDeps {
  readonly containers: Pick<ContainersPort, 'change'>
  readonly accountOf: (container: Resource) => Promise<StorageAccount>
}

type TagsAfter = (before: readonly string[], sent: readonly string[]) => readonly string[]

/** https://learn.microsoft.com/rest/api/storagerp/blob-containers/set-legal-hold */
export function legalHoldActions(deps: LegalHoldDeps): Readonly<Record<string, ResourceAction>> {
  const action = (name: string, tagsAfter: TagsAfter): ResourceAction => ({
    method: 'POST',
    needs: `${CONTAINER_TYPE}/${name}/action`,
    run: (call) => changeLegalHold(deps, call, tagsAfter),
  })
  return {
    setLegalHold: action('setLegalHold', (before, sent) => [...new Set([...before, ...sent])]),
    clearLegalHold: action('clearLegalHold', (before, sent) => before.filter((tag) => !sent.includes(tag))),
  }
}

const MAX_HOLDS = 10

async function changeLegalHold(
  { containers, accountOf }: LegalHoldDeps,
  { resource, body }: ActionCall,
  tagsAfter: TagsAfter,
): Promise<ProviderReply> {
  const sent = readTags(body)
  const { legalHoldTags: tags } = await containers.change(await accountOf(resource), resource.name, {
    legalHoldTags(before) {
      const after = tagsAfter(before, sent)
      if (after.length > MAX_HOLDS) throw invalidTags()
      return after
    },
  })
  return { status: 200, body: { hasLegalHold: tags.length > 0, tags } }
}

/** 3 to 23 letters and digits each, kept in lower case. */
function readTags(body: Json | undefined): readonly string[] {
  const sent = isJsonObject(body) ? member(body, 'tags') : undefined
  const tags: readonly Json[] = Array.isArray(sent) ? sent : []
  if (tags.length === 0) throw invalidTags()
  return tags.map((tag) => {
    if (typeof tag !== 'string' || !/^[a-z0-9]{3,23}$/i.test(tag)) throw invalidTags()
    return tag.toLowerCase()
  })
}

function invalidTags(): ResourceFault {
  return refused(
    400,
    'InvalidRequestPropertyValue',
    `A legal hold has 1 to ${MAX_HOLDS} tags of 3 to 23 letters and digits each.`,
    { target: 'tags' },
  )
}
